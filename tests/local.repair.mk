# Repairs: moved, copied and doubled sites, peers that come again, clocks.
TESTS += tests/s_peer_again.sh tests/s_moved.sh tests/s_twins.sh \
	tests/s_clock.sh tests/s_wish.sh
EXTRA_DIST += tests/s_peer_again.sh tests/s_moved.sh tests/s_twins.sh \
	tests/s_clock.sh tests/s_wish.sh

if HAVE_CMOCKA
check_PROGRAMS += tests/t_identity
TESTS += tests/t_identity
tests_t_identity_SOURCES = tests/t_identity.c src/apply/twins.c
tests_t_identity_LDADD = src/apply/libmerge.a src/capture/libcapture.a \
	src/store/libstore.a src/base/libbase.a $(SQLITE_LIBS) $(ZLIB_LIBS) \
	-lm $(CMOCKA_LIBS)
endif
