"""The package's version, which is that of the quackctl that it came with."""

VERSION = "0.1.0"
