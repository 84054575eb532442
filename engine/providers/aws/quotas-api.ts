/** Service Quotas' own API: how much of a thing the account may have. */
import type { Answer } from "./answer";
import { refuse } from "./api-error";
import type { Cloud } from "./cloud";

const SERVICE = "ServiceQuotasV20190624";
const OPERATIONS = ["GetServiceQuota", "GetAWSDefaultServiceQuota"];
const type = "application/x-amz-json-1.1";

/** @param target the header that names the operation */
export function answerQuotas(target: string, body: string, cloud: Cloud): Answer {
  const [service, operation = ""] = target.split(".");
  if (service !== SERVICE || !OPERATIONS.includes(operation))
    refuse(
      "UnknownOperationException",
      `${target} is not valid in a rehearsal; supported: ${OPERATIONS.map((one) => `${SERVICE}.${one}`).join(", ")}`,
    );
  const { QuotaCode, ServiceCode } = JSON.parse(body) as { readonly QuotaCode: string; readonly ServiceCode: string };
  return {
    status: 200,
    type,
    body: JSON.stringify({ Quota: { ServiceCode, QuotaCode, Value: cloud.quota(QuotaCode), Adjustable: true } }),
  };
}

export const quotasFailure = (code: string, message: string, status: number): Answer => ({
  status,
  type,
  body: JSON.stringify({ __type: code, message }),
});
