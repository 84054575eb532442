/** What a program asks beside its resources, of the API that a provider is for: answered from the same account. */
import { readFileSync } from "node:fs";
import { EngineError } from "../errors";
import { cloudOf } from "./aws";
import { serveAws } from "./aws/api";
import { consoleFile } from "./aws/machines";
import { readPlan } from "./aws/plan";

export interface ServedApi {
  /** Environment by which the program finds it, and nothing else; undefined: a variable that must not be there. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  close(): Promise<void>;
}

const apis: Readonly<Record<string, (stateFile: string) => Promise<ServedApi>>> = { aws: servedAws };

/** @param name of the package */
export function serveApi(name: string, stateFile: string): Promise<ServedApi> {
  const serve = Object.hasOwn(apis, name) ? apis[name] : undefined;
  if (!serve)
    throw new EngineError("refused", `no API of ${name} is rehearsed; there are: ${Object.keys(apis).join(", ")}`);
  return serve(stateFile);
}

async function servedAws(stateFile: string): Promise<ServedApi> {
  const cloud = cloudOf(stateFile);
  const { machines } = readPlan(process.env.REHEARSAL_AWS);
  const shownBy = ({ id }: { readonly id: string }) => shown(consoleFile(cloud.file, id));
  const { close, variables } = await serveAws({ cloud, machines, console: shownBy });
  return {
    variables: {
      ...variables,
      AWS_ACCESS_KEY_ID: "rehearsal",
      AWS_SECRET_ACCESS_KEY: "rehearsal",
      AWS_EC2_METADATA_DISABLED: "true",
      // With one the keys above would not count.
      AWS_PROFILE: undefined,
      AWS_SESSION_TOKEN: undefined,
    },
    close,
  };
}

function shown(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}
