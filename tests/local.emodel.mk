# The exchange as a Promela model, for spin; long: MODEL=long.
TESTS += tests/s_exchange_model.sh
EXTRA_DIST += tests/s_exchange_model.sh tests/exchange.pml
