# What a person runs (quickstart, check) and the gates that make check runs.
# The gates read $abs_top_srcdir, so they work in any build tree.
TESTS += scripts/check-includes scripts/check-map scripts/check-size \
	scripts/check-gates

EXTRA_DIST += scripts/quickstart scripts/check scripts/packages scripts/fuzz \
	scripts/check-includes scripts/check-map scripts/check-size \
	scripts/check-gates \
	scripts/demo/schema.sql scripts/demo/fill.sql \
	scripts/demo/edits-hub.sql scripts/demo/edits-field.sql \
	scripts/demo/compare.sh \
	src/README modem/README README.md

# What runs at night, as examples: a script, units for systemd, a crontab.
# They name the programs where "make install" puts them.
exampledir = $(docdir)/examples
dist_example_SCRIPTS = scripts/nightly-call
nodist_example_DATA = \
	scripts/systemd/dialsync-answer@.service \
	scripts/systemd/dialsync-apply.service \
	scripts/systemd/dialsync-pack.service \
	scripts/systemd/dialsync-call.service \
	scripts/systemd/dialsync-call.timer \
	scripts/crontab.example
EXTRA_DIST += \
	scripts/systemd/dialsync-answer@.service.in \
	scripts/systemd/dialsync-apply.service.in \
	scripts/systemd/dialsync-pack.service.in \
	scripts/systemd/dialsync-call.service.in \
	scripts/systemd/dialsync-call.timer.in \
	scripts/crontab.example.in
CLEANFILES += $(nodist_example_DATA)

substitute = sed -e 's|@bindir[@]|$(bindir)|g' \
	-e 's|@sitedir[@]|$(localstatedir)/lib/dialsync|g' \
	-e 's|@exampledir[@]|$(exampledir)|g'
$(nodist_example_DATA): Makefile
	$(AM_V_GEN)$(MKDIR_P) scripts/systemd && \
	$(substitute) '$(srcdir)/$@.in' >'$@.tmp' && mv '$@.tmp' '$@'
scripts/systemd/dialsync-answer@.service: scripts/systemd/dialsync-answer@.service.in
scripts/systemd/dialsync-apply.service: scripts/systemd/dialsync-apply.service.in
scripts/systemd/dialsync-pack.service: scripts/systemd/dialsync-pack.service.in
scripts/systemd/dialsync-call.service: scripts/systemd/dialsync-call.service.in
scripts/systemd/dialsync-call.timer: scripts/systemd/dialsync-call.timer.in
scripts/crontab.example: scripts/crontab.example.in
