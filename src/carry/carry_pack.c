/* The packer runs as a process of its own, as in a call: this program opens no
 * database. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "carry/carry.h"

int carry_pack(const struct site *s, char *const *peers, int n)
{
	const char *where = getenv("DIALSYNC_EXEC_PATH");
	char *path = fs_format("%s/dialsync-pack",
	    where && *where ? where : LIBEXECDIR);
	char **argv = calloc((size_t)n + 3, sizeof(*argv));
	char flush[] = "--flush";
	int status = 0, k = 0;
	pid_t pid;

	if (!argv)
		abort();
	argv[k++] = path;
	argv[k++] = flush;
	for (int i = 0; i < n; i++)
		argv[k++] = peers[i];
	setenv("DIALSYNC_DIR", s->dir, 1);
	setenv("DIALSYNC_VERBOSE", log_verbosity() < 0 ? "-1"
	    : log_verbosity() > 0 ? "1" : "0", 1);
	pid = fork();
	if (pid == 0) {
		execv(path, argv);
		log_error("cannot run %s: %s; install dialsync again, or set"
		    " DIALSYNC_EXEC_PATH to where its programs are", path,
		    strerror(errno));
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	free(path);
	free(argv);
	if (pid > 0 && status == 0)
		return 0;
	log_warn("the packer %s; what is ready is carried, and what is not"
	    " packed goes with the next run", pid < 0 ? "was not started"
						      : "did not end well");
	if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) < 100)
		return WEXITSTATUS(status);
	return 75;
}
