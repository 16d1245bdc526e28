/* SPDX-License-Identifier: MIT */
/* skerryctl volume upload, volume download: files into volumes of stores and back. */
#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "gateway/cli/cli.h"
#include "gateway/cli/image.h"
#include "gateway/cli/output.h"
#include "gateway/cli/state.h"
#include "gateway/cli/table.h"
#include "gateway/cli/volume.h"

enum {
	PIECE_BYTES = 64 << 20, /* the most bytes of an upload in one request */
	RANGE_BYTES = 8 << 20,	/* the most bytes of a download in one request */
	BUFFER_BYTES = 65536,
	ATTEMPTS = 5,
	SHA256_TEXT = 65,
};

/* An upload or download of a volume's content, and the data of its line of progress. */
struct content {
	const char *verb, *about;
	uint64_t at, bytes;
	double began_s, shown_s;
};

static double content_now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Shows the progress at a terminal, four times a second at most. */
static void content_show(struct content *content, bool ends)
{
	double now_s = content_now_s();

	if (!isatty(STDERR_FILENO) || (!ends && now_s - content->shown_s < 0.25))
		return;
	content->shown_s = now_s;
	fprintf(stderr, "\r%s %s: %3.0f %% of %.1f MiB, %.1f MiB/s\033[K%s", content->verb,
		content->about,
		content->bytes ? 100.0 * (double)content->at / (double)content->bytes : 100,
		(double)content->bytes / 1048576,
		(double)content->at / 1048576 / (now_s - content->began_s + 0.001),
		ends ? "\n" : "");
}

static gnutls_hash_hd_t content_hash(void)
{
	gnutls_hash_hd_t hash;

	if (gnutls_hash_init(&hash, GNUTLS_DIG_SHA256) < 0)
		cli_die(CLI_FAILED, "there is no memory");
	return hash;
}

static void content_hash_end(gnutls_hash_hd_t hash, char text[SHA256_TEXT])
{
	uint8_t digest[32];

	gnutls_hash_deinit(hash, digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
}

/* Reads all of a file and writes its SHA-256 as hex; returns its size. */
static uint64_t content_digest(const char *path, int file, char text[SHA256_TEXT])
{
	gnutls_hash_hd_t hash = content_hash();
	static char bytes[BUFFER_BYTES];
	uint64_t size = 0;
	ssize_t count;

	while ((count = pread(file, bytes, sizeof(bytes), (off_t)size)) > 0) {
		gnutls_hash(hash, bytes, (size_t)count);
		size += (uint64_t)count;
	}
	if (count < 0)
		cli_die(CLI_FAILED, "%s: %s", path, strerror(errno));
	content_hash_end(hash, text);
	return size;
}

/*
 * Sends the next `count` bytes of the file as a request's body. Returns false if the connection has
 * broken.
 */
static bool content_send(struct cli *cli, struct content *content, int file, uint64_t count)
{
	static char bytes[BUFFER_BYTES];

	while (count) {
		size_t some = count < sizeof(bytes) ? (size_t)count : sizeof(bytes);
		ssize_t got = pread(file, bytes, some, (off_t)content->at);

		if (got <= 0)
			cli_die(CLI_FAILED, "%s: the file has become shorter", content->about);
		if (!net_write(&cli->http.net, bytes, (size_t)got))
			return false;
		content->at += (uint64_t)got;
		count -= (uint64_t)got;
		content_show(content, false);
	}
	return true;
}

/*
 * Uploads one piece in a request of its own. Returns false if the connection has broken before an
 * answer came.
 */
static bool content_send_piece(struct cli *cli, struct content *content, int file, const char *path,
			       struct http_answer *answer)
{
	uint64_t first = content->at, left = content->bytes - first;
	uint64_t count = left < PIECE_BYTES ? left : PIECE_BYTES;
	char range[120];
	bool sent;

	snprintf(range, sizeof(range), "Content-Range: bytes %llu-%llu/%llu\r\n",
		 (unsigned long long)first, (unsigned long long)(first + count - 1),
		 (unsigned long long)content->bytes);
	if (!http_begin_upload(&cli->http, path, range, count))
		return false;
	sent = content_send(cli, content, file, count);
	/* A server that refuses an upload may answer before all of it is sent. */
	return http_end_upload(&cli->http, answer) && (sent || answer->status >= 300);
}

/*
 * Asks how many bytes of an upload into STORE/VOLUME the server has, from which the upload
 * continues. Returns 0 if the server knows of none.
 */
static uint64_t content_resume(struct cli *cli, const char *word)
{
	struct http_answer answer;
	char path[VOLUME_PATH_BYTES];
	json_int_t at = 0;

	volume_path(path, word, ".part");
	if (http_exchange(&cli->http, "GET", path, NULL, NULL, &answer)) {
		at = json_integer_value(json_object_get(answer.json, "uploaded_bytes"));
		json_decref(answer.json);
	}
	return at > 0 ? (uint64_t)at : 0;
}

/*
 * Connects again, and sets content->at to the offset at which the upload continues. Returns false
 * if no attempt succeeds.
 */
static bool content_reconnect(struct cli *cli, struct content *content, const char *word)
{
	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		sleep(1);
		net_close(&cli->http.net);
		cli->http.in_at = cli->http.in_count = 0;
		if (cli_try_connect(cli) != CLI_OK)
			continue;
		content->at = content_resume(cli, word);
		return true;
	}
	return false;
}

static enum cli_exit content_upload(struct cli *cli, struct content *content, int file,
				    const char *word, const char *path)
{
	struct http_answer answer;
	enum cli_exit code = CLI_OK;
	int breaks = 0;

	do {
		if (!content_send_piece(cli, content, file, path, &answer)) {
			if (++breaks > ATTEMPTS || !content_reconnect(cli, content, word))
				cli_die(CLI_NOT_REACHED,
					"%s; --continue goes on where the upload was",
					cli->http.net.error);
			continue;
		}
		if (answer.status < 200 || answer.status > 299)
			code = cli_problem(&answer, word);
		else if (answer.closes)
			content_reconnect(cli, content, word);
		json_decref(answer.json);
	} while (code == CLI_OK && content->at < content->bytes);
	content_show(content, true);
	return code;
}

enum cli_exit command_upload(struct cli *cli, int count, char **words)
{
	if ((count != 2 && count != 3) || !strchr(words[1], '/'))
		cli_die(CLI_USAGE, "use: volume upload FILE STORE/VOLUME [SIZE]");
	return content_upload_file(cli, count, words);
}

enum cli_exit content_upload_file(struct cli *cli, int count, char **words)
{
	char path[VOLUME_PATH_BYTES], query[160], sha256[SHA256_TEXT];
	struct content content = {.verb = "upload"};
	enum cli_exit code;
	int file;

	content.about = words[0];
	file = image_open(words[0]);
	content.bytes = content_digest(words[0], file, sha256);
	if (!content.bytes)
		cli_die(CLI_FAILED, "%s: the file is empty", words[0]);
	snprintf(query, sizeof(query), "/content?sha256=%s", sha256);
	if (count == 3)
		snprintf(query + strlen(query), sizeof(query) - strlen(query), "&size=%lld",
			 (long long)state_size_of(words[2]));
	volume_path(path, words[1], query);
	/* a connection from before may have been closed while the image was converted */
	net_close(&cli->http.net);
	cli->http.in_at = cli->http.in_count = 0;
	cli_connect(cli);
	if (cli->goes_on)
		content.at = content_resume(cli, words[1]);
	content.began_s = content_now_s();
	code = content_upload(cli, &content, file, words[1], path);
	close(file);
	if (code == CLI_OK && !cli->json)
		printf("%s: uploaded, SHA-256 %s\n", words[1], sha256);
	return code;
}

/* Downloads one piece into the file. Ends the program if the piece does not come whole. */
static enum cli_exit content_fetch(struct cli *cli, struct content *content, const char *path,
				   FILE *file, gnutls_hash_hd_t hash)
{
	uint64_t left = content->bytes - content->at;
	uint64_t end = content->at + (left < RANGE_BYTES ? left : RANGE_BYTES);
	static char bytes[BUFFER_BYTES];
	struct http_answer answer;
	char range[80];
	int got;

	snprintf(range, sizeof(range), "Range: bytes=%llu-%llu\r\n",
		 (unsigned long long)content->at, (unsigned long long)(end - 1));
	if (!http_begin(&cli->http, "GET", path, range, NULL, &answer))
		cli_die(CLI_NOT_REACHED, "%s", cli->http.net.error);
	if (answer.status != 200 && answer.status != 206) {
		if (!http_take_body(&cli->http, &answer))
			cli_die(CLI_NOT_REACHED, "%s", cli->http.net.error);
		return cli_problem(&answer, NULL);
	}
	while ((got = http_body(&cli->http, bytes, sizeof(bytes), 60000)) > 0) {
		if ((uint64_t)got > end - content->at ||
		    fwrite(bytes, 1, (size_t)got, file) != (size_t)got)
			cli_die(CLI_FAILED, "the file cannot be written: %s", strerror(errno));
		gnutls_hash(hash, bytes, (size_t)got);
		content->at += (uint64_t)got;
		content_show(content, false);
	}
	if (content->at != end)
		cli_die(CLI_NOT_REACHED, "the download was broken off");
	return CLI_OK;
}

/* Compares the digest of the downloaded bytes with the server's digest of the volume. */
static enum cli_exit content_compare(struct cli *cli, const char *word, const char *sha256)
{
	struct http_answer answer;
	char path[VOLUME_PATH_BYTES];
	enum cli_exit code;

	volume_path(path, word, "/digest");
	code = cli_ask(cli, "GET", path, NULL, NULL, &answer);
	if (code != CLI_OK)
		return code;
	if (strcmp(table_text(answer.json, "sha256"), sha256)) {
		cli_say("%s: what has come has another SHA-256 than the volume", word);
		code = CLI_FAILED;
	}
	json_decref(answer.json);
	return code;
}

static enum cli_exit content_download(struct cli *cli, struct content *content, const char *word,
				      FILE *file)
{
	gnutls_hash_hd_t hash = content_hash();
	char path[VOLUME_PATH_BYTES], sha256[SHA256_TEXT];
	enum cli_exit code = CLI_OK;

	volume_path(path, word, "/content");
	while (code == CLI_OK && content->at < content->bytes)
		code = content_fetch(cli, content, path, file, hash);
	content_show(content, true);
	content_hash_end(hash, sha256);
	if (code == CLI_OK && (fflush(file) || fsync(fileno(file))))
		cli_die(CLI_FAILED, "the file cannot be written: %s", strerror(errno));
	if (code == CLI_OK)
		code = content_compare(cli, word, sha256);
	if (code == CLI_OK && !cli->json)
		printf("%s: downloaded, SHA-256 %s\n", word, sha256);
	return code;
}

enum cli_exit command_download(struct cli *cli, int count, char **words)
{
	struct content content = {.verb = "download"};
	char path[VOLUME_PATH_BYTES], part[4200];
	struct http_answer answer;
	enum cli_exit code;
	FILE *file;

	if (count != 2 || !strchr(words[0], '/'))
		cli_die(CLI_USAGE, "use: volume download STORE/VOLUME FILE");
	if (!cli->overwrite && access(words[1], F_OK) == 0)
		cli_die(CLI_FAILED, "%s: there is such a file; --overwrite replaces it", words[1]);
	cli_connect(cli);
	volume_path(path, words[0], "");
	code = cli_ask(cli, "GET", path, NULL, NULL, &answer);
	if (code != CLI_OK)
		return code;
	content.about = words[1];
	content.bytes = (uint64_t)json_integer_value(json_object_get(answer.json, "bytes"));
	content.began_s = content_now_s();
	json_decref(answer.json);
	snprintf(part, sizeof(part), "%s.part", words[1]);
	file = fopen(part, "we");
	if (!file)
		cli_die(CLI_FAILED, "%s: %s", part, strerror(errno));
	code = content_download(cli, &content, words[0], file);
	if (fclose(file) && code == CLI_OK)
		code = CLI_FAILED;
	if (code == CLI_OK && rename(part, words[1]))
		cli_die(CLI_FAILED, "%s: %s", words[1], strerror(errno));
	if (code != CLI_OK)
		unlink(part);
	return code;
}
