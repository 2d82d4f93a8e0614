noinst_LIBRARIES += src/bundle/libbundle.a
src_bundle_libbundle_a_SOURCES = \
	src/bundle/bundle.h src/bundle/bundle_p.h src/bundle/reader_p.h \
	src/bundle/number_text.c src/bundle/value_text.c src/bundle/uuid.c \
	src/bundle/gzip.c src/bundle/digest.c src/bundle/digest.h \
	src/bundle/writer.c src/bundle/writer_head.c \
	src/bundle/writer_encode.c \
	src/bundle/reader.c src/bundle/reader_head.c \
	src/bundle/reader_group.c src/bundle/group.c src/bundle/show.c

pkglibexec_PROGRAMS += dialsync-show
dialsync_show_SOURCES = src/bundle/show_main.c
dialsync_show_LDADD = src/bundle/libbundle.a src/base/libbase.a \
	$(XML_LIBS) $(ZLIB_LIBS) -lm
dist_man_MANS += doc/dialsync-show.1
dist_pkgdata_DATA = doc/dialsync-bundle.rng
EXTRA_DIST += doc/BUNDLE.md
