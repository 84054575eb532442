/** Applies the plan's objects through the API. */
import * as kubernetes from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import type { ObjectPlan } from "../plan/types";
import { resourceNames } from "../resources";

export function clusterObjects(
  objects: readonly ObjectPlan[],
  options: pulumi.CustomResourceOptions,
): pulumi.Resource[] {
  return objects.map(
    (object) =>
      new kubernetes.apiextensions.CustomResource(
        resourceNames.object(object.kind, object.metadata.name),
        object as unknown as kubernetes.apiextensions.CustomResourceArgs,
        options,
      ),
  );
}
