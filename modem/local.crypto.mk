# Noise, records, hello: libsodium and nothing else of the system.
EXTRA_DIST += modem/noise.h modem/record.h modem/hello.h
