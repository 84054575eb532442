/** The program's entry: `pulumi up` and `kilonode up` run it for the stack whose file, Pulumi.<stack>.yaml, says what it is. */
import { platforms } from "../components/platform/registry";
import { program } from "../components/program";

export = () => program(platforms);
