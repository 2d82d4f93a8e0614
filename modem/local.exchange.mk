# The exchange: sans-IO.
EXTRA_DIST += modem/message.h modem/exchange.h
