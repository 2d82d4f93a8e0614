# Man pages are installed; the rest is read in the source tree.  What one
# library is about is listed by that library.
dist_man_MANS += doc/dialsync.1 doc/dialsync-init.1 doc/dialsync-track.1 \
	doc/dialsync-peer.1 doc/dialsync-copy.1 doc/dialsync-pack.1 \
	doc/dialsync-apply.1 doc/dialsync-conflicts.1 doc/dialsync-status.1
EXTRA_DIST += doc/EXCHANGE.md doc/KEYS.md doc/KNOWLEDGE.md doc/MERGE.md doc/STATUS.md doc/STORE.md doc/ZMODEM.md LICENSE
