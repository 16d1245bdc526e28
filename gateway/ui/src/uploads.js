// SPDX-License-Identifier: MIT
// Files on their way into volumes, a piece at a time; they go on while other screens are looked at.
import { request } from "./api.js";
import { announce } from "./announce.js";
import { cell } from "./lib.js";
import { Sha256 } from "./parts/sha256.js";

const PIECE = 8 << 20;
const TRIES = 5;

/** { id, store, name, at, bytes, state: "running" | "ok" | "failed", text } */
export const uploads = cell([]);
let numbers = 0;

function change(id, changes) {
	uploads.set(uploads.get().map((line) => (line.id === id ? { ...line, ...changes } : line)));
}

/** A name that a volume may have, of a file's. */
export function volumeName(file) {
	return file.replace(/\.(img|raw|iso|bin)$/i, "").replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[^A-Za-z0-9]+/, "").slice(0, 26);
}

/** Why a file is no raw image, or "": only skerryctl converts others. */
async function unfit(file) {
	const head = new Uint8Array(await file.slice(0, 68).arrayBuffer());
	const text = String.fromCharCode(...head.subarray(0, 4));
	const vdi = head.length === 68 && new DataView(head.buffer).getUint32(64, true) === 0xbeda107f;
	const kind = text === "QFI\xfb" ? "qcow2" : text === "KDMV" ? "vmdk" : vdi ? "vdi" : "";
	return !file.size ? "The file is empty." : kind && `This is an image in the format ${kind}: skerryctl volume upload converts it.`;
}

/** Sends a piece, again when the server does not answer: it has a piece whole or not at all. */
async function sendPiece(path, piece, range) {
	for (let tries = 1; ; tries++) {
		try {
			return await request("PUT", path, piece, { "Content-Type": "application/octet-stream", "Content-Range": range });
		} catch (error) {
			if (error.status !== 0 || tries >= TRIES) {
				throw error;
			}
			await new Promise((resolve) => setTimeout(resolve, 1000 * tries));
		}
	}
}

async function send(line, file) {
	const sum = new Sha256();
	const place = `/stores/${encodeURIComponent(line.store)}/volumes/${encodeURIComponent(line.name)}/content`;
	for (let at = 0; at < file.size; at += PIECE) {
		const piece = file.slice(at, at + PIECE);
		sum.add(new Uint8Array(await piece.arrayBuffer()));
		const last = at + piece.size === file.size;
		await sendPiece(place + (last ? `?sha256=${sum.end()}` : ""), piece, `bytes ${at}-${at + piece.size - 1}/${file.size}`);
		change(line.id, { at: at + piece.size });
	}
}

/** Makes a volume of a file; resolves to whether it is there, once it is or has failed. */
export async function upload(store, name, file) {
	const line = { id: ++numbers, store, name, at: 0, bytes: file.size, state: "running", text: "" };
	uploads.set([...uploads.get().filter((other) => other.state === "running"), line]);
	try {
		const why = await unfit(file);
		if (why) {
			throw new Error(why);
		}
		await send(line, file);
		change(line.id, { state: "ok", text: "uploaded, its digest is right" });
		announce(`${name} is uploaded.`);
		return true;
	} catch (error) {
		change(line.id, { state: "failed", text: error.message });
		announce(`${name} is not uploaded.`);
		return false;
	}
}
