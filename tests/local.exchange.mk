# The exchange.
