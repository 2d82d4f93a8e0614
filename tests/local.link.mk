# The link and its frames.
if HAVE_CMOCKA
check_PROGRAMS += tests/t_stuff tests/t_wire tests/t_link
TESTS += tests/t_stuff tests/t_wire tests/t_link
link_libs = modem/liblink.a modem/libzmodem.a $(ZLIB_LIBS) $(CMOCKA_LIBS)
tests_t_stuff_SOURCES = tests/t_stuff.c
tests_t_stuff_LDADD = $(link_libs)
tests_t_wire_SOURCES = tests/t_wire.c
tests_t_wire_LDADD = $(link_libs)
tests_t_link_SOURCES = tests/t_link.c tests/fz_wire.c \
	tests/link_ends.c tests/link_ends.h tests/line/line.c tests/line/line.h
tests_t_link_LDADD = $(link_libs)
endif

# What scripts/fuzz starts from.
EXTRA_DIST += tests/corpus/wire/frames tests/corpus/wire/acks \
	tests/corpus/wire/half tests/corpus/wire/turns \
	tests/corpus/wire/flood
