# Noise, records, hello: libsodium and nothing else of the system.  Sans-IO.
# hello.c needs modem/stuff.c and modem/crc.c as well.
noinst_LIBRARIES += modem/libnoise.a
modem_libnoise_a_SOURCES = \
	modem/noise.c modem/noise.h \
	modem/record.c modem/record.h \
	modem/hello.c modem/hello.h
