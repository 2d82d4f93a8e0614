# Noise and records: libsodium and nothing else of the system.  Sans-IO.
noinst_LIBRARIES += modem/libnoise.a
modem_libnoise_a_SOURCES = \
	modem/noise.c modem/noise.h \
	modem/record.c modem/record.h
EXTRA_DIST += modem/hello.h
