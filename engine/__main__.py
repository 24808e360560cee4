"""Run the `cival` command as `python -P -m engine`.

Without `-P` Python puts the current folder first on its path, where a stranger's `config/` or `storage/` would be
imported instead of ours, so documentation and the service use the console script.
"""

from engine.cli.main import main

if __name__ == "__main__":
    main()
