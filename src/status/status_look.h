/* Reads what the status is made of: status files, spool, call log, database.
 * Takes no lock and changes nothing.  What cannot be read is not known; that
 * is no error, since a status must also be had of a site that is in trouble. */
#ifndef STATUS_STATUS_LOOK_H
#define STATUS_STATUS_LOOK_H

#include "config/config_data.h"
#include "status/status_model.h"

struct status_look {
	struct status_seen seen;         /* for status_model_make(); borrows
	                                    from this, and from cfg */
	struct status_seen_file *lines;  /* owned, as are all below */
	struct status_map *maps;         /* one a line */
	char **names;                    /* of lines not configured */
	size_t n_names;
	struct status_map applier;
	struct status_seen_peer *peers;
	char **troubles;
	struct err database;             /* why its figures are not known */
};

/* Look at everything (all), or at the lines only: that is a few small files,
 * cheap enough to be done four times a second.
 * Errors: ERR_SYSTEM out of memory. */
int status_look(const struct config *cfg, const struct spool *s, bool all,
    struct status_look *l, struct err *e);
void status_look_free(struct status_look *l);

#endif
