"""`python -m cdnlog`."""

from __future__ import annotations

from cdnlog.cli import main

if __name__ == "__main__":
    main()
