noinst_LIBRARIES += src/store/libstore.a
src_store_libstore_a_SOURCES = \
	src/store/db.c src/store/db.h \
	src/store/mask.h \
	src/store/schema.c src/store/store.c src/store/store.h \
	src/store/store_p.h \
	src/store/know.c src/store/know.h \
	src/store/origin.c \
	src/store/peer.c src/store/peer.h \
	src/store/note.c src/store/note.h \
	src/store/table.c src/store/table.h \
	src/store/key.c src/store/key.h \
	src/store/frag.c src/store/frag.h \
	src/store/row.c src/store/aside.c src/store/row.h \
	src/store/row_p.h \
	src/store/scan.c src/store/scan.h \
	src/store/held.c src/store/held.h \
	src/store/conflict.c src/store/conflict.h \
	src/store/row_json.c src/store/row_json.h \
	src/store/foreign.c src/store/dangling.c src/store/foreign.h
