# The engine as an image. The steps that build it are scripts/image-build, which CI runs without a container.
#
#     docker build --tag cival .
#
# Runs as a user without rights on a read-only root; all it writes is below /var/lib/cival. See compose.yaml.

ARG PYTHON_VERSION=3.11

FROM python:${PYTHON_VERSION}-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN scripts/image-build /src /opt/cival

FROM python:${PYTHON_VERSION}-slim-bookworm
LABEL org.opencontainers.image.title="cival" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --system --uid 10001 --user-group --home-dir /var/lib/cival --shell /usr/sbin/nologin cival \
    && install --directory --owner=cival --group=cival --mode=0700 /var/lib/cival
COPY --from=build /opt/cival /opt/cival
ENV PATH=/opt/cival/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    CIVAL_DATA_DIR=/var/lib/cival
USER 10001:10001
WORKDIR /var/lib/cival
VOLUME /var/lib/cival
EXPOSE 8710
STOPSIGNAL SIGTERM
# The loop turns. Whether it may trade is /readyz, which an orchestrator asks.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "-I", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8710/livez', timeout=2)"]
ENTRYPOINT ["cival"]
CMD ["run"]
