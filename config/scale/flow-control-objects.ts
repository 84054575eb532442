/** Objects of flowcontrol.apiserver.k8s.io/v1, as far as the model sets them. */

interface ObjectMeta {
  readonly name: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface PriorityLevelConfiguration {
  readonly apiVersion: "flowcontrol.apiserver.k8s.io/v1";
  readonly kind: "PriorityLevelConfiguration";
  readonly metadata: ObjectMeta;
  readonly spec: {
    readonly type: "Limited";
    readonly limited: {
      readonly nominalConcurrencyShares: number;
      /** Share of idle seats that other levels may use, percent. */
      readonly lendablePercent: number;
      /** Seats that it may borrow, percent of its own. Absent: any. */
      readonly borrowingLimitPercent?: number;
      readonly limitResponse: {
        readonly type: "Queue";
        readonly queuing: { readonly queues: number; readonly handSize: number; readonly queueLengthLimit: number };
      };
    };
  };
}

export interface Subject {
  readonly kind: "User" | "Group" | "ServiceAccount";
  readonly user?: { readonly name: string };
  readonly group?: { readonly name: string };
  readonly serviceAccount?: { readonly namespace: string; readonly name: string };
}

export interface FlowSchema {
  readonly apiVersion: "flowcontrol.apiserver.k8s.io/v1";
  readonly kind: "FlowSchema";
  readonly metadata: ObjectMeta;
  readonly spec: {
    readonly priorityLevelConfiguration: { readonly name: string };
    readonly matchingPrecedence: number;
    readonly distinguisherMethod: { readonly type: "ByUser" | "ByNamespace" };
    readonly rules: readonly {
      readonly subjects: readonly Subject[];
      readonly resourceRules: readonly {
        readonly verbs: readonly string[];
        readonly apiGroups: readonly string[];
        readonly resources: readonly string[];
        readonly clusterScope: boolean;
        readonly namespaces?: readonly string[];
      }[];
    }[];
  };
}
