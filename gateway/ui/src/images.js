// SPDX-License-Identifier: MIT
// What there is that machines are made of. No page is touched.

const USES = { kernel: "kernel", initrd: "initial RAM disk", bios: "BIOS", uefi: "UEFI", seed: "text for cloud-init" };

/** The uses of a file in words: what its name and what it holds allow. */
export function usesOf({ uses }) {
	return uses.split(" ").filter(Boolean).map((use) => USES[use] ?? use).join(" or ");
}

/**
 * Of a store's volumes those to start machines from, with what was made of each: what is read-only, what others were made of,
 * and what nobody uses. A snapshot of a volume is not made of it in this sense; an upload that has not ended is none.
 */
export function imagesOf(volumes) {
	const made = (volume) => volumes.filter((other) => other.parent && other.parent === volume.id && !other.snapshot).map(({ name }) => name);
	return volumes.filter(({ name }) => !name.endsWith(".part")).map((volume) => ({ ...volume, made: made(volume) }))
		.filter((volume) => volume.read_only || volume.snapshot || volume.made.length || !volume.users);
}

export function kindOf({ snapshot, read_only: still, users }) {
	return snapshot ? "snapshot" : still ? "read-only" : users ? "in use, and copied" : "volume";
}

/** The export or import that is under way, or the last one, as a sentence. */
export function copySaid({ store, volume, disk, copy, state, copied_bytes: copied, all_bytes: all, reason }) {
	const what = copy === "import" ? `Import of ${store}/${volume} from the disk ${disk}` : `Export of ${store}/${volume} to the disk ${disk}`;
	return `${what}: ${state === "copies" ? `under way${all ? `, ${Math.floor(100 * copied / all)} %` : ""}` : state}${reason ? `: ${reason}` : ""}.`;
}
