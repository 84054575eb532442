/** Derived: how many connections the load balancer carries, and what they need of its host. */
import { type Book, powerOfTwo, rounded } from "./book";
import { constants as c } from "./constants";
import type { LoadBalancerScale, MastersScale, Rates } from "./types";

const haproxy = "https://docs.haproxy.org/3.0/configuration.html";

export function deriveLoadBalancer(book: Book, rates: Rates, masters: MastersScale): LoadBalancerScale {
  const maxConnections = book.derive("loadBalancer.maxConnections", {
    value: Math.max(10_000, powerOfTwo(2 * rates.connections)),
    unit: "connections",
    formula:
      "twice the expected connections (all reconnect while the old ones still close), as a power of two, at least 10,000",
    inputs: ["rates.connections"],
    source: `${haproxy}#3.2-maxconn; factor chosen by us`,
  });
  const openFiles = book.derive("loadBalancer.openFiles", {
    value: 2 * maxConnections + c.haproxyOwnFiles.value,
    unit: "files",
    formula: "two for each connection, one to each side, and haproxy's own",
    inputs: ["loadBalancer.maxConnections", "constants.haproxyOwnFiles"],
    source: `${haproxy}#3.1-fd-hard-limit`,
  });
  return {
    maxConnections,
    openFiles,
    connectionsPerMaster: book.derive("loadBalancer.connectionsPerMaster", {
      value: Math.ceil((2 * rates.connections) / masters.survivors),
      unit: "connections",
      formula: "twice the expected connections / masters left without a zone: each takes a source port of its own",
      inputs: ["rates.connections", "masters.survivors"],
      source: c.sourcePorts.source,
    }),
    memoryGiB: book.derive("loadBalancer.memoryGiB", {
      value: rounded(
        (openFiles * c.haproxyFileBytes.value + rates.connections * c.haproxyConnectionBytes.value) / 2 ** 30,
      ),
      unit: "GiB",
      formula:
        "haproxy's table of descriptors + the expected connections, all with data under way; while a reload hands over there are two tables",
      inputs: [
        "loadBalancer.openFiles",
        "rates.connections",
        "constants.haproxyFileBytes",
        "constants.haproxyConnectionBytes",
      ],
      source: "own sum",
    }),
  };
}
