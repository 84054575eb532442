/** A headless Chromium, spoken to over its debugging pipe (file descriptors 3 and 4): no port, no package. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";

/** The browser's path, or undefined where none is installed. */
export const chromium: string | undefined = [
  process.env.CHROMIUM,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
].find((path) => path !== undefined && existsSync(path));

const quiet = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--remote-debugging-pipe",
];

type Message = {
  id?: number;
  method?: string;
  params?: Record<string, unknown>;
  result?: Record<string, unknown>;
  error?: { message: string };
};

export interface Page {
  /** Runs an expression in the page and returns its value. */
  evaluate<T>(expression: string): Promise<T>;
  /** Lays the page out anew for a color scheme and a width. */
  emulate(colorScheme: "light" | "dark", widthPx: number): Promise<void>;
  /** URLs that the page asked for. */
  readonly requests: readonly string[];
  /** Errors that the browser logged. */
  readonly complaints: readonly string[];
  close(): Promise<void>;
}

/** Opens one page in a fresh profile. */
export async function openPage(url: string): Promise<Page> {
  const profile = mkdtempSync(join(tmpdir(), "kilonode-chromium-"));
  const child = spawn(chromium as string, [...quiet, `--user-data-dir=${profile}`, "about:blank"], {
    stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
  });
  const [, , , write, read] = child.stdio as unknown as [null, null, null, Writable, Readable];
  const waiting = new Map<number, (message: Message) => void>();
  const listeners = new Set<(message: Message) => void>();
  const requests: string[] = [];
  const complaints: string[] = [];
  let buffer = "";
  let last = 0;
  read.setEncoding("utf8").on("data", (chunk: string) => {
    const parts = (buffer + chunk).split("\0");
    buffer = parts.pop() ?? "";
    for (const part of parts) {
      const message = JSON.parse(part) as Message;
      if (message.id !== undefined) waiting.get(message.id)?.(message);
      for (const listener of listeners) listener(message);
    }
  });
  const send = (method: string, params: object = {}, sessionId?: string): Promise<Record<string, unknown>> => {
    const id = ++last;
    write.write(`${JSON.stringify({ id, method, params, ...(sessionId ? { sessionId } : {}) })}\0`);
    return new Promise((resolve, reject) => {
      waiting.set(id, ({ result, error }) =>
        error ? reject(new Error(`${method}: ${error.message}`)) : resolve(result ?? {}),
      );
    });
  };
  listeners.add(({ method, params }) => {
    if (method === "Network.requestWillBeSent") requests.push((params as { request: { url: string } }).request.url);
    if (method === "Log.entryAdded") complaints.push((params as { entry: { text: string } }).entry.text);
  });

  const { targetId } = await send("Target.createTarget", { url: "about:blank" });
  const { sessionId } = (await send("Target.attachToTarget", { targetId, flatten: true })) as { sessionId: string };
  for (const domain of ["Page", "Network", "Log"]) await send(`${domain}.enable`, {}, sessionId);
  const loaded = new Promise<void>((resolve) =>
    listeners.add(({ method }) => method === "Page.loadEventFired" && resolve()),
  );
  await send("Page.navigate", { url }, sessionId);
  await loaded;

  return {
    requests,
    complaints,
    async evaluate<T>(expression: string): Promise<T> {
      const { result, exceptionDetails } = await send(
        "Runtime.evaluate",
        { expression, returnByValue: true },
        sessionId,
      );
      if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails));
      return (result as { value: T }).value;
    },
    async emulate(colorScheme, widthPx) {
      await send(
        "Emulation.setEmulatedMedia",
        { features: [{ name: "prefers-color-scheme", value: colorScheme }] },
        sessionId,
      );
      await send(
        "Emulation.setDeviceMetricsOverride",
        { width: widthPx, height: 900, deviceScaleFactor: 1, mobile: false },
        sessionId,
      );
    },
    async close() {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      await send("Browser.close").catch(() => child.kill());
      await ended;
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
