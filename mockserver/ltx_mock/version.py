"""Which ltx-mock this is. The build reads it here; asking the installed package would cost a tenth of the start-up."""

VERSION = "0.1.0"
