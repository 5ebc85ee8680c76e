/* Short names for what the API sends; the shapes come from the generated client. */
import type { components } from "./generated";

type Wire = components["schemas"];

export type Family = "asked" | "written" | "computed" | "made" | "sent" | "looked";

/** RFC 9457 problem details as the server writes them. */
export type Problem = Partial<Wire["ErrorOut"]> & { type: string; title: string; status: number };

export type Session = Wire["SessionOut"];
export type Member = Wire["MemberOut"];
export type Firm = Wire["Firm"];
export type Font = Wire["FontOut"];
export type Approval = Wire["ApprovalOut"];
export type Series = Wire["SeriesOut"];
export type SeriesNumber = Wire["NumberOut"];
export type Retention = Wire["RetentionOut"];
export type Endpoint = Wire["EndpointOut"];
export type NewEndpoint = Wire["EndpointCreatedOut"];
export type SecretIn = Wire["SecretIn"];
export type StepIcon = Wire["StepIconOut"];
export type Day = Wire["DayOut"];
export type WorkflowItem = Wire["WorkflowRowOut"];
export type WorkflowDetail = Wire["WorkflowOut"];
export type WorkflowDocument = Wire["Workflow"];
export type Example = Wire["ExampleOut"];
export type RunItem = Wire["RunRowOut"];
export type RunDetail = Wire["RunOut"];
export type RunPage = Wire["RunPageOut"];
export type PageOrigin = Wire["OriginOut"];
export type OriginSource = Wire["OriginSourceOut"];
export type RunInvoice = Wire["InvoiceOut"];
export type TakenBack = Wire["TakenBackOut"];
export type Amount = Wire["AmountOut"];
export type CreditNoteDraft = Wire["CreditNoteOut"];
export type Line = Wire["LineOut"];
export type RunStep = Wire["StepOut"];
export type StepError = Wire["StepErrorOut"];
export type Warning = Wire["WarningOut"];
export type Artifact = Wire["ArtifactOut"];
export type Wait = Wire["WaitOut"];
export type Attempt = Wire["AttemptOut"];
export type Generation = Wire["GenerationOut"];
export type MailServer = Wire["MailServerOut"];
export type MailServerIn = Wire["MailServerIn"];
export type DeliveryItem = Wire["DeliveryRowOut"];
export type DeliveryDetail = Wire["DeliveryOut"];
export type DeliveryAttempt = Wire["DeliveryAttemptOut"];
export type DocumentItem = Wire["DocumentRowOut"];
export type DocumentExample = Wire["DocumentExampleOut"];
export type Preview = Wire["PreviewOut"];
export type PreviewPage = Wire["PageOut"];
export type PreviewBox = Wire["BoxOut"];
export type PreviewText = Wire["TextOut"];
export type Model = Wire["ModelOut"];
export type ModelList = Wire["ModelsOut"];
export type Batch = Wire["BatchOut"];
export type BatchRow = Wire["BatchRowOut"];
export type BatchFile = Wire["BatchFileOut"];
export type BatchPreview = Wire["BatchPreviewOut"];
export type SaidProblem = Wire["ProblemOut"];

/** One event of the server's stream. */
export interface LiveEvent {
  topic: string;
  kind: string;
  [more: string]: unknown;
}
