/* A struct config at work: look-ups, where the site is, and its end. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/fs.h"
#include "base/text.h"
#include "config/config_p.h"

void config_free(struct config *cfg)
{
	size_t i;

	if (!cfg)
		return;
	for (i = 0; i < cfg->n_lines; i++) {
		section_fini(CONFIG_LINE, &cfg->lines[i]);
		free(cfg->lines[i].name);
	}
	for (i = 0; i < cfg->n_peers; i++) {
		section_fini(CONFIG_PEER, &cfg->peers[i]);
		free(cfg->peers[i].name);
	}
	for (i = 0; i < cfg->n_tables; i++) {
		section_fini(CONFIG_TABLE, &cfg->tables[i]);
		free(cfg->tables[i].name);
	}
	section_fini(CONFIG_SITE, &cfg->site);
	section_fini(CONFIG_HOOKS, &cfg->hooks);
	free(cfg->lines);
	free(cfg->peers);
	free(cfg->tables);
	free(cfg->path);
	free(cfg);
}

const struct config_peer *config_peer(const struct config *cfg,
    const char *name)
{
	size_t i;

	for (i = 0; i < cfg->n_peers; i++)
		if (!strcmp(cfg->peers[i].name, name))
			return &cfg->peers[i];
	return NULL;
}

const struct config_line *config_line(const struct config *cfg,
    const char *name)
{
	size_t i;

	for (i = 0; i < cfg->n_lines; i++)
		if (!strcmp(cfg->lines[i].name, name))
			return &cfg->lines[i];
	return NULL;
}

const struct config_table *config_table(const struct config *cfg,
    const char *name)
{
	size_t i;

	for (i = 0; i < cfg->n_tables; i++)
		if (!strcasecmp(cfg->tables[i].name, name))
			return &cfg->tables[i];
	return NULL;
}

/* Which of the n names is meant by name (NULL: the only one), or -1 with e;
 * what is "peer" or "line". */
static int need(const char *const *names, size_t n, const char *what,
    const char *name, const char *path, struct err *e)
{
	const char *near;
	char shown[60];
	size_t i;

	if (n == 0)
		return err_set(e, ERR_USAGE, "%s has no [%s NAME] yet; add one",
		    path, what);
	if (!name && n == 1)
		return 0;
	if (!name)
		return err_set(e, ERR_USAGE, "there are %zu %ss here; name the "
		    "one that is meant, for example %s", n, what, names[0]);
	for (i = 0; i < n; i++)
		if (!strcmp(names[i], name))
			return (int)i;
	text_safe(name, strlen(name), shown, sizeof(shown));
	near = text_nearest(name, names);
	if (near)
		return err_set(e, ERR_USAGE, "%s \"%s\" is not known here; did "
		    "you mean \"%s\"?", what, shown, near);
	return err_set(e, ERR_USAGE, "%s \"%s\" is not known here; see %s",
	    what, shown, path);
}

const struct config_peer *config_need_peer(const struct config *cfg,
    const char *name, struct err *e)
{
	const char *names[CONFIG_SECTIONS_MAX + 1];
	size_t i;
	int found;

	for (i = 0; i < cfg->n_peers; i++)
		names[i] = cfg->peers[i].name;
	names[i] = NULL;
	found = need(names, i, "peer", name, cfg->path, e);
	return found < 0 ? NULL : &cfg->peers[found];
}

const struct config_line *config_need_line(const struct config *cfg,
    const char *name, struct err *e)
{
	const char *names[CONFIG_SECTIONS_MAX + 1];
	size_t i;
	int found;

	for (i = 0; i < cfg->n_lines; i++)
		names[i] = cfg->lines[i].name;
	names[i] = NULL;
	found = need(names, i, "line", name, cfg->path, e);
	return found < 0 ? NULL : &cfg->lines[found];
}

/* dialsync.conf is in dir. */
static bool holds_site(const char *dir)
{
	char *path = fs_join(dir, CONFIG_NAME);
	bool there = fs_exists(path);

	free(path);
	return there;
}

int config_find(const char *dir_option, char **site_dir, struct err *e)
{
	const char *env = getenv("DIALSYNC_DIR");
	const char *dir = dir_option;

	*site_dir = NULL;
	if (!dir)
		dir = env && *env ? env : ".";
	if (holds_site(dir)) {
		*site_dir = config_strdup(dir);
		return 0;
	}
	if (dir_option)
		return err_set(e, ERR_MISSING, "no site in %s (-C): there is "
		    "no " CONFIG_NAME "; correct the directory, or make a site "
		    "there with \"dialsync init\"", dir);
	if (env && *env)
		return err_set(e, ERR_MISSING, "no site in %s ($DIALSYNC_DIR): "
		    "there is no " CONFIG_NAME "; correct the variable, or "
		    "name the site's directory with -C", dir);
	return err_set(e, ERR_MISSING, "no site here: there is no "
	    CONFIG_NAME " in this directory; change to the site's directory, "
	    "or name it with -C DIR or $DIALSYNC_DIR");
}
