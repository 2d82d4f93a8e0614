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
