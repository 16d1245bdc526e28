// SPDX-License-Identifier: MIT
import { App } from "./app.js";
import { html, render } from "./lib.js";
import { start } from "./stream.js";

render(html`<${App} />`, document.getElementById("app"));
start();
