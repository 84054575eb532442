/** What a model of an API says of a member. */
export interface Constraint {
  /** `ec2 CreateVpc InstanceTenancy`. */
  readonly member: string;
  readonly kind: "text" | "number";
  /** Name of the list of values. */
  readonly enum?: string;
  readonly pattern?: string;
  /** Of a text its length, of a number its value. */
  readonly min?: number;
  readonly max?: number;
}
