// Charts in the page's colours and the user's time zone.

import { AreaSeries, CandlestickSeries, createChart, createSeriesMarkers, HistogramSeries, TickMarkType } from "./vendor/lightweight-charts.mjs";
import { number, timeOfDay, zoneName } from "./format.js";

const dark = matchMedia("(prefers-color-scheme: dark)");
const day = new Intl.DateTimeFormat("en-GB", { day: "2-digit", month: "short", timeZone: zoneName() });
const second = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium", timeZone: zoneName() });
const hour = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: zoneName() });

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

function look() {
  return {
    layout: { background: { color: "transparent" }, textColor: colour("muted"), fontFamily: colour("font") || "system-ui", fontSize: 11, attributionLogo: false, panes: { separatorColor: colour("line") } },
    grid: { vertLines: { color: colour("grid") }, horzLines: { color: colour("grid") } },
    rightPriceScale: { borderColor: colour("line") },
    timeScale: { borderColor: colour("line"), timeVisible: true, rightOffset: 4, tickMarkFormatter: (at, kind) => (kind < TickMarkType.Time ? day : kind === TickMarkType.Time ? hour : second).format(at * 1000) },
    localization: { timeFormatter: (at) => `${day.format(at * 1000)} ${timeOfDay(new Date(at * 1000))}` },
    crosshair: { vertLine: { labelBackgroundColor: colour("accent-deep") }, horzLine: { labelBackgroundColor: colour("accent-deep") } },
  };
}

function make(element, paint) {
  const chart = createChart(element, { autoSize: true, ...look() });
  const again = () => {
    chart.applyOptions(look());
    paint();
  };
  dark.addEventListener("change", again);
  return {
    chart,
    close() {
      dark.removeEventListener("change", again);
      chart.remove();
    },
  };
}

/** Equity as a line, drawdown from the highest point under it. Points are {time: seconds, value}. */
export function equityChart(element) {
  const money = { type: "custom", formatter: (value) => number(value, 2), minMove: 0.01 };
  const share = { type: "custom", formatter: (value) => `${number(value, 2)}%`, minMove: 0.01 };
  let equity = null;
  let drawdown = null;
  const paint = () => {
    equity.applyOptions({ color: colour("accent"), lineColor: colour("accent"), topColor: colour("accent-soft"), bottomColor: "transparent" });
    drawdown.applyOptions({ lineColor: colour("down"), topColor: "transparent", bottomColor: colour("down-soft") });
  };
  const made = make(element, paint);
  equity = made.chart.addSeries(AreaSeries, { lineWidth: 2, priceFormat: money });
  drawdown = made.chart.addSeries(AreaSeries, { lineWidth: 1, priceFormat: share, invertFilledArea: true, lastValueVisible: true, priceLineVisible: false }, 1);
  made.chart.panes()[0].setStretchFactor(3);
  made.chart.panes()[1].setStretchFactor(1);
  paint();
  let highest = -Infinity;
  const fall = (value) => (highest > 0 ? (100 * (value - highest)) / highest : 0);
  return {
    ...made,
    show(points) {
      highest = -Infinity;
      equity.setData(points);
      drawdown.setData(points.map(({ time, value }) => {
        highest = Math.max(highest, value);
        return { time, value: fall(value) };
      }));
      made.chart.timeScale().fitContent();
    },
    add({ time, value }) {
      highest = Math.max(highest, value);
      equity.update({ time, value });
      drawdown.update({ time, value: fall(value) });
    },
  };
}

/** Candles with volume and our fills. Bars are {time, open, high, low, close, volume}. */
export function candleChart(element) {
  let candles = null;
  let volume = null;
  const tint = (bar) => ({ time: bar.time, value: bar.volume, color: bar.close >= bar.open ? colour("up-soft") : colour("down-soft") });
  let bars = [];
  const paint = () => {
    const [up, down] = [colour("up"), colour("down")];
    candles.applyOptions({ upColor: up, downColor: down, borderUpColor: up, borderDownColor: down, wickUpColor: up, wickDownColor: down });
    volume.setData(bars.map(tint));
  };
  const made = make(element, paint);
  candles = made.chart.addSeries(CandlestickSeries, {});
  volume = made.chart.addSeries(HistogramSeries, { priceFormat: { type: "volume" }, priceScaleId: "volume", lastValueVisible: false, priceLineVisible: false });
  made.chart.priceScale("volume").applyOptions({ scaleMargins: { top: 0.84, bottom: 0 } });
  const marks = createSeriesMarkers(candles, []);
  paint();
  return {
    ...made,
    show(all, decimals) {
      bars = all;
      candles.applyOptions({ priceFormat: { type: "custom", formatter: (value) => number(value, decimals), minMove: 10 ** -decimals } });
      candles.setData(all);
      volume.setData(all.map(tint));
      made.chart.timeScale().applyOptions({ barSpacing: 9 });
      made.chart.timeScale().scrollToRealTime();
    },
    add(bar) {
      if (bars.length && bar.time < bars.at(-1).time) return;
      if (bars.length && bars.at(-1).time === bar.time) bars[bars.length - 1] = bar;
      else bars.push(bar);
      candles.update(bar);
      volume.update(tint(bar));
    },
    mark(trades) {
      marks.setMarkers(trades.map(({ time, side, text }) => ({
        time,
        position: side === "buy" ? "belowBar" : "aboveBar",
        shape: side === "buy" ? "arrowUp" : "arrowDown",
        color: colour(side === "buy" ? "up" : "down"),
        text,
      })));
    },
  };
}

