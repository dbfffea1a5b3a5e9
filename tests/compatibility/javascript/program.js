// Runs the checks of the JavaScript SDK against a server: node program.js BASE_URL
//
// Prints a line of JSON for each check, {name, ok, detail}, and ends with 1 when one failed.
import { OrkesClients } from "@io-orkes/conductor-javascript";
import { runAll } from "./checks.js";
import "./metadata.js";
import "./workflows.js";
import "./control.js";
import "./tasks.js";
import "./workers.js";
import "./events.js";
import "./schedules.js";

const [serverUrl] = process.argv.slice(2);
if (!serverUrl) {
  process.stderr.write("usage: node program.js BASE_URL\n");
  process.exit(2);
}
const clients = await OrkesClients.from({ serverUrl });
let failures = 0;
await runAll(clients, (outcome) => {
  failures += outcome.ok ? 0 : 1;
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
});
process.exit(failures === 0 ? 0 : 1);
