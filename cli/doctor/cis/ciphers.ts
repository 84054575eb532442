/** Which suites of TLS are strong: forward secrecy and authenticated encryption. Those of TLS 1.3 always are. */
import { bad, good, type Seen } from "./item";

const strong =
  /^TLS_(AES_(128|256)_GCM|CHACHA20_POLY1305|ECDHE_(ECDSA|RSA)_WITH_(AES_(128|256)_GCM|CHACHA20_POLY1305))(_SHA\d+)?$/;

export function ciphers(leastVersion: unknown, suites: readonly string[]): Seen {
  if (leastVersion === "VersionTLS13") return good("TLS 1.3 alone, whose suites are all strong");
  const weak = suites.filter((suite) => !strong.test(suite));
  if (suites.length === 0) return bad("TLS below 1.3 with the suites that Go takes by itself");
  return weak.length > 0 ? bad(`weak suites: ${weak.join(", ")}`) : good(`${suites.length} strong suites`);
}
