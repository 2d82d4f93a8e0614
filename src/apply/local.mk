# The merge and the order are pure, so that their tests link nothing else.
noinst_LIBRARIES += src/apply/libmerge.a
src_apply_libmerge_a_SOURCES = \
	src/apply/merge.c src/apply/merge.h \
	src/apply/order.c src/apply/order.h \
	src/apply/far.c src/apply/far.h \
	src/apply/claim.c src/apply/claim.h

pkglibexec_PROGRAMS += dialsync-apply
dialsync_apply_SOURCES = \
	src/apply/apply_main.c src/apply/apply.h src/apply/apply_p.h \
	src/apply/inbox.c src/apply/decide.c src/apply/receive.c \
	src/apply/receive.h \
	src/apply/place.c src/apply/clash.c src/apply/held.c \
	src/apply/load.c \
	src/apply/twins.c src/apply/twins.h \
	src/apply/refuse.c src/apply/refuse.h \
	src/apply/unique.c src/apply/unique.h \
	src/apply/keyring.c src/apply/keyring.h \
	src/apply/trust.c src/apply/trust.h \
	src/apply/resolve.c
dialsync_apply_LDADD = src/site/libsite.a src/apply/libmerge.a \
	src/hook/libhook.a \
	src/capture/libcapture.a src/store/libstore.a \
	src/bundle/libbundle.a src/keys/libkeys.a src/spool/libspool.a \
	src/config/libconfig.a src/base/libbase.a $(SODIUM_LIBS) \
	$(SQLITE_LIBS) $(XML_LIBS) $(ZLIB_LIBS) $(INIH_LIBS)
