/* SPDX-License-Identifier: MIT */
/*
 * The CD-ROM drive of a VM as Redfish's virtual medium: an image is a volume or a disk that Skerry
 * has, and inserting and ejecting change the VM's key `disk`. The table of resources names the
 * functions. Nothing is fetched from anywhere.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/base/string.h"
#include "gateway/web/redfish/answer.h"
#include "gateway/web/redfish/error.h"
#include "gateway/web/redfish/serve.h"
#include "gateway/web/redfish/vm.h"

enum {
	MEDIA_NAME_BYTES = 72,	  /* the longest STORE/VOLUME, with its 0 */
	MEDIA_DISKS_BYTES = 2048, /* the longest value of a VM's key `disk`, with its 0 */
};

void redfish_media_list(struct redfish *redfish, json_t *answer)
{
	const char *name = redfish_text(answer, "name");
	json_t *list = redfish_collection("VirtualMediaCollection", "Virtual media",
					  REDFISH_ROOT "/Managers/%s/VirtualMedia", name);

	redfish_member(list, "Cd");
	redfish_answer(redfish, 200, list);
}

static json_t *media_action(const char *vm, const char *action)
{
	return json_pack("{s:o}", "target",
			 json_sprintf(REDFISH_ROOT "/Managers/%s/VirtualMedia/Cd/Actions/"
						   "VirtualMedia.%s",
				      vm, action));
}

void redfish_media_show(struct redfish *redfish, json_t *answer)
{
	const char *name = redfish_text(answer, "name");
	char image[MEDIA_NAME_BYTES], others[MEDIA_DISKS_BYTES];
	bool inserted = redfish_vm_medium(answer, image, sizeof(image), others, sizeof(others));
	json_t *medium = redfish_resource("VirtualMedia.v1_3_0", "Cd", "CD-ROM drive",
					  REDFISH_ROOT "/Managers/%s/VirtualMedia/Cd", name);

	json_object_set_new(medium, "MediaTypes", json_pack("[s, s]", "CD", "DVD"));
	json_object_set_new(medium, "Inserted", json_boolean(inserted));
	json_object_set_new(medium, "Image", inserted ? json_string(image) : json_null());
	json_object_set_new(medium, "ImageName", inserted ? json_string(image) : json_null());
	json_object_set_new(medium, "ConnectedVia", json_string(inserted ? "URI" : "NotConnected"));
	json_object_set_new(medium, "WriteProtected", json_true());
	json_object_set_new(medium, "Actions",
			    json_pack("{s:o, s:o}", "#VirtualMedia.InsertMedia",
				      media_action(name, "InsertMedia"), "#VirtualMedia.EjectMedia",
				      media_action(name, "EjectMedia")));
	redfish_answer(redfish, 200, medium);
}

/*
 * Returns whether `name` has the form of a disk's name or STORE/VOLUME; Skerry knows whether it
 * exists.
 */
static bool media_name_valid(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_.@-/";
	const char *slash = strchr(name, '/');

	return *name && strspn(name, letters) == strlen(name) && *name != '/' &&
	       name[strlen(name) - 1] != '/' && (!slash || !strchr(slash + 1, '/'));
}

/*
 * Reads the URL of a volume at this gateway, https://HOST/v1/stores/STORE/volumes/VOLUME, which may
 * end with /content. Returns false if the text is no such URL.
 */
static bool media_url(const struct redfish *redfish, const char *url, char *name, size_t room)
{
	static const char scheme[] = "https://", before[] = "/v1/stores/", between[] = "/volumes/";
	size_t host = strlen(redfish->host);
	const char *store, *volume;
	int count;

	if (strncmp(url, scheme, strlen(scheme)) || !host)
		return false;
	url += strlen(scheme);
	if (strncmp(url, redfish->host, host) || strncmp(url + host, before, strlen(before)))
		return false;
	store = url + host + strlen(before);
	volume = store + strcspn(store, "/");
	if (strncmp(volume, between, strlen(between)))
		return false;
	count = (int)(volume - store);
	volume += strlen(between);
	if (strcmp(volume + strcspn(volume, "/"), "/content") && strchr(volume, '/'))
		return false;
	count = snprintf(name, room, "%.*s/%.*s", count, store, (int)strcspn(volume, "/"), volume);
	return count > 0 && (size_t)count < room;
}

/* Reads the name of the image that the body asks for. If it is none, answers and returns false. */
static bool media_image(struct redfish *redfish, char name[MEDIA_NAME_BYTES])
{
	const char *image = json_string_value(json_object_get(redfish->body, "Image"));

	if (!image) {
		redfish_error(redfish, 400, "ActionParameterMissing", "Image",
			      "the action InsertMedia needs the parameter \"Image\", a text");
		return false;
	}
	if (strstr(image, "://")) {
		if (media_url(redfish, image, name, MEDIA_NAME_BYTES) && media_name_valid(name))
			return true;
		redfish_error(redfish, 400, "ActionParameterValueFormatError", "Image",
			      "Skerry fetches nothing: upload the image into a volume (PUT "
			      "/v1/stores/STORE/volumes/VOLUME/content), and give that URL of this "
			      "gateway, or STORE/VOLUME, as \"Image\"");
		return false;
	}
	if (strlen(image) >= MEDIA_NAME_BYTES || !media_name_valid(image)) {
		redfish_error(redfish, 400, "ActionParameterValueFormatError", "Image",
			      "\"Image\" must be STORE/VOLUME, the name of a disk, or the URL of a "
			      "volume at this gateway");
		return false;
	}
	string_copy(name, MEDIA_NAME_BYTES, image);
	return true;
}

/* Refuses a member that is neither missing nor true: a medium is always in, and read only. */
static bool media_is_true(struct redfish *redfish, const char *name)
{
	json_t *value = json_object_get(redfish->body, name);

	if (!value || json_is_true(value))
		return true;
	redfish_error(redfish, 400, "ActionParameterNotSupported", name,
		      "\"%s\" must be true or left out", name);
	return false;
}

bool redfish_media_check_insert(struct redfish *redfish)
{
	static const char *const known[] = {"Image",	      "Inserted",  "WriteProtected",
					    "TransferMethod", "MediaType", NULL};
	static const char *const methods[] = {"Stream", NULL};
	static const char *const types[] = {"CD", "DVD", NULL};
	char name[MEDIA_NAME_BYTES];
	const char *word;

	return redfish_only(redfish, redfish->body, known) && media_image(redfish, name) &&
	       media_is_true(redfish, "Inserted") && media_is_true(redfish, "WriteProtected") &&
	       redfish_word(redfish, redfish->body, "TransferMethod", methods, &word) &&
	       redfish_word(redfish, redfish->body, "MediaType", types, &word);
}

/*
 * Returns whether the VM's key `disk` is short enough to be complete here: a part of it must not be
 * written back. If not, answers and returns false.
 */
static bool media_disks(struct redfish *redfish, json_t *vm)
{
	if (strlen(redfish_vm_key(vm, "disk")) < MEDIA_DISKS_BYTES)
		return true;
	redfish_error(redfish, 500, "InternalError", NULL,
		      "the VM has more disks than this gateway can list");
	return false;
}

/* Asks core to set the VM's disks, if they have not changed since they were read. */
static void media_set(struct redfish *redfish, json_t *vm, const char *disks)
{
	string_copy(redfish->match, sizeof(redfish->match), redfish->tag);
	redfish_ask(redfish, "PATCH", redfish_vm_setting("disk", disks), "/v1/vms/%s",
		    redfish_text(vm, "name"));
}

void redfish_media_insert(struct redfish *redfish, json_t *answer)
{
	char name[MEDIA_NAME_BYTES], is[MEDIA_NAME_BYTES], others[MEDIA_DISKS_BYTES];
	char disks[MEDIA_DISKS_BYTES + MEDIA_NAME_BYTES + 16];

	if (!media_image(redfish, name) || !media_disks(redfish, answer))
		return;
	if (redfish_vm_medium(answer, is, sizeof(is), others, sizeof(others))) {
		redfish_error(redfish, 409, "ResourceInUse", "Image",
			      "%s is in the drive: eject it first", is);
		return;
	}
	snprintf(disks, sizeof(disks), "%s%s%s cdrom", others, *others ? ", " : "", name);
	media_set(redfish, answer, disks);
}

bool redfish_media_check_eject(struct redfish *redfish)
{
	static const char *const known[] = {NULL};

	return redfish_only(redfish, redfish->body, known);
}

void redfish_media_eject(struct redfish *redfish, json_t *answer)
{
	char is[MEDIA_NAME_BYTES], others[MEDIA_DISKS_BYTES];

	if (!media_disks(redfish, answer))
		return;
	if (redfish_vm_medium(answer, is, sizeof(is), others, sizeof(others)))
		media_set(redfish, answer, others);
	else
		redfish_error(redfish, 409, "ResourceInUse", NULL, "the drive is empty");
}
