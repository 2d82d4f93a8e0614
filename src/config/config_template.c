/* The dialsync.conf that "dialsync init" writes: made from the table of keys,
 * so that it names every key and its default. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "config/config_edit.h"
#include "config/config_p.h"

/* One key as "KEY = VALUE  ; about", in comments where off is "#". */
static void add_key(struct buf *out, const char *off, const char *key,
    const char *written, const char *about)
{
	char head[160];

	snprintf(head, sizeof(head), "%s%s = %s", off, key, written);
	buf_addf(out, "%-35s ; %s\n", head, about);
}

/* All keys of a kind but the first skip, in comments. */
static void add_keys(struct buf *out, enum config_kind kind, size_t skip)
{
	const struct config_section *s = &config_sections[kind];
	const struct config_key *k;
	struct buf written = BUF_INIT(200);

	for (k = s->keys + skip; k < s->keys + s->n_keys; k++) {
		buf_reset(&written);
		raw_write_value(&written, k->example ? k->example :
		    k->standard);
		add_key(out, "#", k->name, buf_str(&written), k->about);
	}
	buf_free(&written);
}

int config_template(struct buf *out, const char *name, const char *database,
    struct err *e)
{
	const struct config_key *keys = config_sections[CONFIG_SITE].keys;
	struct buf written = BUF_INIT(CONFIG_LINE_LIMIT);

	if (!text_name_ok(name) || !*database ||
	    !raw_write_value(&written, database)) {
		buf_free(&written);
		return err_set(e, ERR_USAGE, "the site's name or database "
		    "cannot be written to " CONFIG_NAME "; a name is 1 to 32 "
		    "of a-z A-Z 0-9 _ - . beginning with a letter or digit, "
		    "a database has no control characters and no blanks at "
		    "its ends");
	}
	buf_adds(out, "# dialsync.conf: see dialsync.conf(5).  Take the # away "
	    "to make a line count; what it\n# says is the default, or an "
	    "example.  Every command says which lines are wrong.\n# (not used "
	    "yet): read and checked, but without effect in this version.\n\n"
	    "[site]\n");
	add_key(out, "", "name", name, keys[0].about);
	buf_addf(out, "database = %s\n", buf_str(&written));
	add_keys(out, CONFIG_SITE, 2);
	buf_adds(out, "\n# A way to reach peers; there may be several.\n"
	    "#[line modem]\n");
	add_keys(out, CONFIG_LINE, 0);
	buf_adds(out, "\n# A site to exchange with; \"dialsync peer\" writes "
	    "these sections too.\n#[peer hub]\n");
	add_keys(out, CONFIG_PEER, 0);
	buf_adds(out, "\n# What becomes of two values for one field.\n"
	    "#[table contacts]\n");
	add_keys(out, CONFIG_TABLE, 0);
	buf_adds(out, "\n# Programs to start at these moments.\n#[hooks]\n");
	add_keys(out, CONFIG_HOOKS, 0);
	buf_free(&written);
	return 0;
}
