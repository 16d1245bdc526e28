// SPDX-License-Identifier: MIT
// Gives the user a file that the page has made or was given.

export function saveFile(name, blob) {
	const address = URL.createObjectURL(blob);
	const anchor = document.createElement("a");
	anchor.href = address;
	anchor.download = name;
	anchor.click();
	setTimeout(() => URL.revokeObjectURL(address), 1000);
}
