/* dialsync-site: makes and changes sites; run as "dialsync init" and so on. */
#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/text.h"
#include "dialsync/site_cmd.h"
#include "keys/keys.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{"init", cmd_init},
	{"track", cmd_track},
	{"untrack", cmd_untrack},
	{"peer", cmd_peer},
	{"copy", cmd_copy},
	{"resend", cmd_resend},
};

int site_option(struct site_options *o, int c)
{
	switch (c) {
	case 'C':
		o->dir = optarg;
		return -1;
	case 'q':
		log_init(o->program, -1);
		return -1;
	case 'v':
		log_init(o->program, 1);
		return -1;
	case 'h':
		fputs(o->usage, stdout);
		return 0;
	case 'V':
		return site_version();
	default:
		return site_bad_option(o->program, o->argv, o->longopts);
	}
}

int site_usage(const struct site_options *o, const char *what)
{
	log_error("%s; see \"%s --help\"", what, o->program);
	return EXIT_USAGE;
}

char *site_database(const char *dir, const struct config *cfg)
{
	return fs_join(dir, cfg->site.database);
}

int site_begin(struct site *s, const struct site_options *o)
{
	struct err e = ERR_INIT;
	int code;

	if (site_open(s, o->dir, &e) < 0)
		return log_err(&e, NULL);
	if (site_open_store(s, DB_WRITE, &e) == 0)
		return 0;
	code = log_err(&e, site_next(&e));
	site_close(s);
	return code;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	struct err e = ERR_INIT;

	log_init("dialsync", site_verbosity());
	if (keys_start(&e) < 0)
		return log_err(&e, NULL);
	opterr = 0;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(commands[i].name, name))
			return commands[i].run(argc - 1, argv + 1);
	fputs("usage: dialsync-site init|track|untrack|peer|copy|resend"
	    " ...\n"
	    "This program is run by dialsync; see \"dialsync help\".\n",
	    stderr);
	return EXIT_USAGE;
}
