noinst_LIBRARIES += src/base/libbase.a
src_base_libbase_a_SOURCES = \
	src/base/err.c src/base/err.h \
	src/base/log.c src/base/log.h \
	src/base/buf.c src/base/buf.h \
	src/base/value.c src/base/value.h \
	src/base/text.c src/base/text.h \
	src/base/json.c src/base/json.h \
	src/base/clock.c src/base/clock.h \
	src/base/arena.c src/base/arena.h \
	src/base/fs.c src/base/fs.h
