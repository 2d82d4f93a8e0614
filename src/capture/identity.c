#include "config.h"

#include "capture/identity.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/fs.h"
#include "capture/capture.h"

#define NETWORK "network"

/* ---- the decision */

/* Without a machine's id (some containers) nothing speaks for another one. */
static bool other_machine(const struct host_identity *a,
    const struct host_identity *b)
{
	return a->machine[0] && b->machine[0] &&
	    strcmp(a->machine, b->machine) != 0;
}

enum identity_change identity_decide(const struct host_identity *old,
    const struct host_identity *now)
{
	if (!old->dir[0])
		return IDENTITY_FIRST;
	if (other_machine(old, now))
		return IDENTITY_COPIED;
	/* Another file at the old place is a backup that was put back, a file
	 * that was written anew, a disk that was mounted again: whether the
	 * database is older than it was, the file `state` knows. */
	if (strcmp(old->dir, now->dir) == 0)
		return IDENTITY_SAME;
	if (old->device == now->device && old->inode == now->inode)
		return IDENTITY_MOVED;
	return IDENTITY_COPIED;
}

/* ---- as text: "1 MACHINE DEVICE INODE DIR" */

void identity_write(const struct host_identity *h, char *out, size_t size)
{
	snprintf(out, size, "1 %s %" PRId64 " %" PRId64 " %s",
	    h->machine[0] ? h->machine : "-", h->device, h->inode, h->dir);
}

bool identity_read(const char *text, struct host_identity *h)
{
	int at = 0;

	memset(h, 0, sizeof(*h));
	if (sscanf(text, "1 %19s %" SCNd64 " %" SCNd64 " %n", h->machine,
		&h->device, &h->inode, &at) != 3 || text[at] != '/' ||
	    strlen(text + at) >= sizeof(h->dir)) {
		memset(h, 0, sizeof(*h));
		return false;
	}
	if (strcmp(h->machine, "-") == 0)
		h->machine[0] = '\0';
	memcpy(h->dir, text + at, strlen(text + at) + 1);
	return true;
}

/* ---- what is */

/* The id itself is nobody's business; a hash of it tells machines apart. */
static void hash_machine(const char *id, size_t n, char out[20])
{
	uint64_t h = UINT64_C(14695981039346656037);
	static const char salt[] = "dialsync";

	for (size_t i = 0; i < n + sizeof(salt); i++) {
		h ^= (unsigned char)(i < n ? id[i] : salt[i - n]);
		h *= UINT64_C(1099511628211);
	}
	snprintf(out, 20, "%016" PRIx64, h);
}

/* DIALSYNC_MACHINE in the environment stands for the id, in tests. */
static void look_machine(char out[20])
{
	struct buf b = BUF_INIT(4096);
	const char *id = getenv("DIALSYNC_MACHINE");
	struct err none = ERR_INIT;
	size_t n;

	out[0] = '\0';
	if (!id && fs_read("/etc/machine-id", &b, &none) == 0)
		id = buf_str(&b);
	n = id ? strcspn(id, " \n") : 0;
	/* an image that was never started has this word */
	if (n > 0 && strncmp(id, "uninitialized", n) != 0)
		hash_machine(id, n, out);
	buf_free(&b);
}

/* Several computers may share a file system of these kinds: which of them we
 * are says nothing, and neither does its device number. */
static bool on_network(const char *path)
{
	static const uint32_t kinds[] = {
		0x6969,     /* NFS */
		0x517B, 0xFF534D42, 0xFE534D42, /* SMB */
		0x01021997, /* 9P */
		0x5346414F, /* AFS */
		0x73757245, /* Coda */
		0x00C36400, /* Ceph */
		0x0BD00BD0, /* Lustre */
		0x01161970, /* GFS2 */
		0x7461636F, /* OCFS2 */
	};
	struct statfs st;

	if (statfs(path, &st) < 0)
		return false;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if ((uint32_t)st.f_type == kinds[i])
			return true;
	return false;
}

int identity_look(struct store *s, const char *site_dir,
    struct host_identity *h, struct err *e)
{
	const char *db = sqlite3_db_filename(s->db, "main");
	struct stat st;
	char *real;

	memset(h, 0, sizeof(*h));
	if (stat(db, &st) < 0)
		return err_sys(e, "stat %s", db);
	real = realpath(site_dir, NULL);
	if (!real)
		return err_sys(e, "realpath %s", site_dir);
	snprintf(h->dir, sizeof(h->dir), "%s", real);
	free(real);
	h->inode = (int64_t)st.st_ino;
	if (on_network(db)) {
		snprintf(h->machine, sizeof(h->machine), "%s", NETWORK);
		return 0;
	}
	h->device = (int64_t)st.st_dev;
	look_machine(h->machine);
	return 0;
}

/* ---- in the database */

static int load(struct store *s, struct host_identity *h, struct err *e)
{
	sqlite3_stmt *st = db_prepare(s->db, "SELECT v FROM dialsync_meta"
	    " WHERE k = '" IDENTITY_META "'", false, e);
	int rc = st ? db_step(st, e) : -1;
	const char *text;

	memset(h, 0, sizeof(*h));
	text = rc == 1 ? (const char *)sqlite3_column_text(st, 0) : NULL;
	/* what cannot be read counts as nothing known */
	if (text)
		identity_read(text, h);
	sqlite3_finalize(st);
	return rc < 0 ? -1 : 0;
}

int identity_store(struct store *s, const struct host_identity *h,
    struct err *e)
{
	char text[PATH_MAX + 100];

	identity_write(h, text, sizeof(text));
	return db_execf(s->db, e, "INSERT OR REPLACE INTO dialsync_meta(k, v)"
	    " VALUES('" IDENTITY_META "', %Q)", text);
}

/* Everything that this database ever packed is shared with peers, and with
 * the other copy if there is one: what comes from now on gets a name of its
 * own.  We lost nothing, so of the old incarnation we know all that it told. */
static int renew(struct store *s, struct err *e)
{
	int64_t old = s->self, told = s->packed;

	return capture_renew(s, told, e) < 0 ? -1
					     : store_know(s, old, told, e);
}

/* One transaction: look again, since another program may have been faster.
 * renewed: a new incarnation was begun before, for another reason. */
static int settle(struct store *s, const struct host_identity *now,
    bool renewed, struct host_identity *old, enum identity_change *change,
    struct err *e)
{
	if (capture_fold_begin(s, e) < 0)
		return -1;
	if (load(s, old, e) < 0)
		goto fail;
	*change = identity_decide(old, now);
	if (*change == IDENTITY_COPIED && !renewed && renew(s, e) < 0)
		goto fail;
	if (identity_store(s, now, e) == 0 && store_commit(s, e) == 0)
		return 0;
fail:
	store_rollback(s);
	return -1;
}

static void warn_copied(struct store *s, const struct host_identity *old,
    const struct host_identity *now)
{
	const char *db = sqlite3_db_filename(s->db, "main");
	char *text = fs_format("site %s was in %s%s and is now in %s. If it"
	    " was moved, all is well: it goes on as a new incarnation. If it is"
	    " still in use there too, two sites have one name: give this one"
	    " its own with \"dialsync -C %s init NAME --database %s --copy\","
	    " and tell its peers with \"dialsync peer NAME\"", s->site,
	    old->dir, other_machine(old, now) ? " on another computer" : "",
	    now->dir, now->dir, db);

	if (s->warn)
		s->warn(s->warn_arg, text);
	free(text);
}

int identity_check(struct store *s, const char *site_dir, struct err *e)
{
	struct host_identity old, now;
	enum identity_change change;
	int64_t inc = s->inc;
	char *state;
	int rc;

	if (load(s, &old, e) < 0 || identity_look(s, site_dir, &now, e) < 0)
		return -1;
	if (memcmp(&old, &now, sizeof(now)) == 0)
		return 0;
	/* first the file beside it, which the new incarnation would replace:
	 * it knows whether the database is older than the site */
	state = fs_join(site_dir, "state");
	rc = capture_state_check(s, state, e);
	if (rc >= 0)
		rc = settle(s, &now, s->inc != inc, &old, &change, e);
	if (rc >= 0 && change == IDENTITY_COPIED) {
		warn_copied(s, &old, &now);
		rc = capture_state_write(s, state, e);
	}
	free(state);
	return rc < 0 ? -1 : 0;
}
