pkglibexec_PROGRAMS += dialsync-carry
dialsync_carry_SOURCES = \
	src/carry/carry_main.c src/carry/carry.h \
	src/carry/carry_stick.c src/carry/carry_in.c src/carry/carry_out.c \
	src/carry/carry_pack.c
dialsync_carry_LDADD = src/site/libsite.a src/store/libstore.a \
	src/bundle/libbundle.a src/spool/libspool.a src/config/libconfig.a \
	src/base/libbase.a \
	$(SQLITE_LIBS) $(XML_LIBS) $(ZLIB_LIBS) $(INIH_LIBS)

dist_man_MANS += doc/dialsync-carry.1
