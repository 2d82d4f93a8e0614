/* Reading dialsync.conf, and asking what it says.  The file is read and checked
 * whole: who holds a struct config holds one without a mistake.
 *
 * Errors: ERR_MISSING no file, ERR_CONFIG wrong lines, ERR_SYSTEM reading,
 * ERR_USAGE a name that is not known here. */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/buf.h"
#include "base/err.h"
#include "config/config_data.h"

#define CONFIG_NAME "dialsync.conf"  /* in the site's directory */

/* Read and check the file.  *out is the caller's (config_free()); NULL after
 * an error.  Wrong lines: -1 with ERR_CONFIG and a summary in e, and for each
 * "file:line: what is wrong; what to do\n" in problems (may be NULL), in the
 * order of the lines. */
int config_read(const char *path, struct config **out, struct buf *problems,
    struct err *e);
void config_free(struct config *cfg);  /* NULL is allowed */

/* NULL where there is none of this name. */
const struct config_peer *config_peer(const struct config *cfg,
    const char *name);
const struct config_line *config_line(const struct config *cfg,
    const char *name);
const struct config_table *config_table(const struct config *cfg,
    const char *name);

/* As above for a name that a user gave; NULL means the only one there is.
 * Else NULL with ERR_USAGE, which names the nearest known one. */
const struct config_peer *config_need_peer(const struct config *cfg,
    const char *name, struct err *e);
const struct config_line *config_need_line(const struct config *cfg,
    const char *name, struct err *e);

/* The line where the section sets this key, else the section's own line. */
int config_key_at(const struct config_where *where, const char *key);

/* Is this minute (0 to 1439) of this weekday (tm_wday) inside the hours? */
bool config_hours_open(const struct config_hours *h, int wday, int minute);
/* Minutes until the hours are open: 0 now, -1 never. */
int config_hours_next(const struct config_hours *h, int wday, int minute);

/* Where the site is: dir_option (of -C) if not NULL, else $DIALSYNC_DIR, else
 * the current directory; it must hold dialsync.conf.  *site_dir is malloc'd.
 * ERR_MISSING says where it was looked for. */
int config_find(const char *dir_option, char **site_dir, struct err *e);

#endif
