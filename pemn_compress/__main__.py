"""`python -m pemn_compress` is `pemn`."""

from pemn_compress.cli import main

main()
