/**
 * What the load balancer sees of an API server: HTTPS with client certificates, /readyz, answers that take a moment. A process of its
 * own, so that it can be frozen. `node api-server.mjs ADDRESS PORT FOLDER`; SIGUSR2: it leaves, as after SIGTERM of the real one:
 * /readyz answers 500, everything else goes on; again: it is back. Says who asks for it.
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { join } from "node:path";

const [address, port, folder] = process.argv.slice(2);
const file = (name) => readFileSync(join(folder, name));
let leaving = false;
process.on("SIGUSR2", () => {
  leaving = !leaving;
});
createServer(
  { ca: file("ca.crt"), cert: file("server.crt"), key: file("server.key"), requestCert: true },
  ({ method, url, socket }, response) => {
    if (url.startsWith("/readyz")) {
      console.log(`${method} ${url} by ${socket.getPeerCertificate().subject?.CN}`);
      response.writeHead(leaving ? 500 : 200).end();
    } else setTimeout(() => response.end(address), 20);
  },
).listen(Number(port), address, () => console.log("ready"));
