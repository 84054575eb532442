/** The program's entry, as stacks/index.ts has it, with a registry of one. */
import { program } from "../../components/program";
import { folders } from "./folders";

export = () => program({ folders });
