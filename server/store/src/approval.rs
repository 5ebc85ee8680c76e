//! Decisions that people are asked for: written in a segment's commit, answered once in a commit that also readies the step, expired or
//! withdrawn with it. Links are ids with a MAC; nothing that is stored opens one.

mod answer;

use engine::{
    approval::{ApprovalRequest, Asked, Verdict},
    ids::{ApprovalId, MemberId, RunId, WorkflowId},
    mail::Mailbox,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Result, Scope, Store, StoreError, delivery, events::Event, fresh_id, link};

pub use answer::{Answered, Given, answer};

/// The mail's kind, as its delivery names it.
pub const APPROVAL: &str = "mail.approval";

/// Most of a list at once.
const MOST: i64 = 200;

/// A row for a segment's commit.
pub(crate) struct New<'a> {
    pub(crate) scope: &'a Scope,
    pub(crate) run: RunId,
    pub(crate) node: &'a str,
    pub(crate) item_path: &'a str,
    pub(crate) request: &'a ApprovalRequest,
}

/// Somebody outside who is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Outsider {
    id: Uuid,
    #[serde(flatten)]
    mailbox: Mailbox,
}

/// Somebody who may look at a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// `None`: somebody outside.
    pub member: Option<MemberId>,
    pub name: String,
    pub address: String,
}

impl Person {
    /// What others read of them.
    pub fn title(&self) -> &str {
        if self.name.is_empty() {
            &self.address
        } else {
            &self.name
        }
    }
}

/// One question with what became of it.
#[derive(Clone, Debug)]
pub struct Approval {
    pub id: ApprovalId,
    pub workflow: WorkflowId,
    pub workflow_name: String,
    pub run: RunId,
    pub run_title: String,
    pub node: String,
    pub item_path: String,
    /// `open`, `approved`, `refused`, `expired` or `withdrawn`; what nobody answered in time counts as expired at once.
    pub state: String,
    pub request: ApprovalRequest,
    /// Names of the members who are asked, and people outside.
    pub asked: Vec<String>,
    pub verdict: Option<Verdict>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub settled_at: Option<Timestamp>,
    everybody: bool,
    members: Vec<Uuid>,
    outsiders: Vec<Outsider>,
    barred_member: Option<Uuid>,
    barred_addresses: Vec<String>,
}

impl Approval {
    pub fn is_open(&self) -> bool {
        self.state == "open"
    }

    /// It is one of those whose decision it is.
    fn asks(&self, person: &Person) -> bool {
        match person.member {
            Some(member) => self.everybody || self.members.contains(&member.as_uuid()),
            None => self
                .outsiders
                .iter()
                .any(|outsider| outsider.mailbox.address == person.address),
        }
    }

    /// They started the run themselves.
    pub fn bars(&self, person: &Person) -> bool {
        let started = person
            .member
            .is_some_and(|member| self.barred_member == Some(member.as_uuid()));
        started
            || self
                .barred_addresses
                .contains(&person.address.to_lowercase())
    }

    pub fn may_answer(&self, person: &Person) -> bool {
        self.is_open() && self.asks(person) && !self.bars(person)
    }
}

/// Which questions a list shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter {
    /// Only those that wait for an answer.
    pub open: bool,
    /// Only those that this member may answer or has answered.
    pub of: Option<MemberId>,
    /// Older than this one.
    pub after: Option<ApprovalId>,
    pub limit: i64,
}

/// What a link leads to.
#[derive(Clone, Debug)]
pub struct Opened {
    pub scope: Scope,
    pub approval: Approval,
    pub person: Person,
}

/// Stores the question and the mails to those who are asked, in the caller's transaction. `true`: senders are to be woken after it.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    new: &New<'_>,
    now: Timestamp,
) -> Result<bool> {
    let id: ApprovalId = fresh_id();
    let asked = &new.request.asked;
    let outsiders: Vec<Outsider> = asked
        .addresses
        .iter()
        .map(|mailbox| Outsider {
            id: fresh_id(),
            mailbox: mailbox.clone(),
        })
        .collect();
    let members: Vec<Uuid> = asked.members.iter().map(|id| id.as_uuid()).collect();
    let row = sqlx::query!(
        r#"insert into approval (id, workspace_id, workflow_id, run_id, node, item_path, request, everybody, members, addresses,
                                 barred_member, barred_addresses, expires_at)
           select $1, run.workspace_id, run.workflow_id, run.id, $4, $5, $6, $7, $8, $9, starter.id,
                  $10::text[] || case when starter.id is null then '{}' else array[lower(starter.email)] end, $11::text::timestamptz
           from run left join member starter on $12 and starter.id = run.started_by
           where run.id = $3 and run.workspace_id = $2
           returning barred_member, barred_addresses, (select name from workflow where workflow.id = approval.workflow_id) as "workflow?""#,
        id.as_uuid(),
        new.scope.workspace().as_uuid(),
        new.run.as_uuid(),
        new.node,
        new.item_path,
        serde_json::to_value(new.request)?,
        asked.everybody,
        &members,
        serde_json::to_value(&outsiders)?,
        &asked.barred,
        new.request.expires_at.to_string(),
        asked.not_starter,
    )
    .fetch_one(&mut *connection)
    .await?;
    let receivers = sqlx::query!(
        r#"select id, name, email, locale from member
           where workspace_id = $1 and removed_at is null and $2 and ($3 or id = any($4))
             and id is distinct from $5 and not lower(email) = any($6) order by id"#,
        new.scope.workspace().as_uuid(),
        asked.by_mail,
        asked.everybody,
        &members,
        row.barred_member,
        &row.barred_addresses,
    )
    .fetch_all(&mut *connection)
    .await?;
    let mail = |person: Uuid, to: Mailbox, locale: &str| {
        json!({
            "to": [to], "locale": locale, "approval": id, "person": person, "title": new.request.title,
            "workflow": row.workflow, "time_zone": new.request.time_zone, "expires_at": new.request.expires_at,
        })
    };
    let mut mails: Vec<Json> = receivers
        .into_iter()
        .map(|member| {
            let to = Mailbox {
                name: member.name,
                address: member.email,
            };
            mail(member.id, to, &member.locale)
        })
        .collect();
    for outsider in outsiders {
        let address = outsider.mailbox.address.to_lowercase();
        if !row.barred_addresses.contains(&address) {
            mails.push(mail(outsider.id, outsider.mailbox, &new.request.locale));
        }
    }
    let written = delivery::insert_mails(connection, new.scope, APPROVAL, &mails, now).await?;
    Ok(!written.is_empty())
}

/// Whether anybody may answer: a member who is still here and did not start the run, or somebody outside.
pub async fn has_somebody(store: &Store, scope: &Scope, run: RunId, asked: &Asked) -> Result<bool> {
    let members: Vec<Uuid> = asked.members.iter().map(|id| id.as_uuid()).collect();
    let addresses: Vec<String> = asked
        .addresses
        .iter()
        .map(|mailbox| mailbox.address.to_lowercase())
        .collect();
    let found = sqlx::query_scalar!(
        r#"with starter as materialized (
               select m.id, lower(m.email) as email from run join member m on m.id = run.started_by where run.id = $2 and $6),
           barred as materialized (select unnest($7::text[]) as email union all select email from starter)
           select (exists (select from member where workspace_id = $1 and removed_at is null and ($3 or id = any($4))
                           and not exists (select from starter where starter.id = member.id)
                           and not exists (select from barred where barred.email = lower(member.email)))
                   or exists (select from unnest($5::text[]) address
                              where not exists (select from barred where barred.email = address))) as "found!""#,
        scope.workspace().as_uuid(),
        run.as_uuid(),
        asked.everybody,
        &members,
        &addresses,
        asked.not_starter,
        &asked.barred,
    )
    .fetch_one(&store.pool)
    .await?;
    Ok(found)
}

/// What nobody may answer any more because runs ended, in the caller's transaction, which holds their locks. Gives the runs that asked;
/// `announce` it when they have ended.
pub(crate) async fn withdraw(connection: &mut PgConnection, runs: &[Uuid]) -> Result<Vec<RunId>> {
    let asked = sqlx::query_scalar!(
        "update approval set state = 'withdrawn', settled_at = now() where run_id = any($1) and state = 'open' returning run_id",
        runs
    )
    .fetch_all(connection)
    .await?;
    Ok(asked.into_iter().map(RunId::from).collect())
}

/// The same of one step: because its time is over, or because it was called off. `true`: it asked.
pub(crate) async fn close(
    connection: &mut PgConnection,
    run: RunId,
    node: &str,
    item_path: &str,
    expired: bool,
) -> Result<bool> {
    let closed = sqlx::query!(
        "update approval set state = case when $4 then 'expired' else 'withdrawn' end, settled_at = now()
         where run_id = $1 and node = $2 and item_path = $3 and state = 'open'",
        run.as_uuid(),
        node,
        item_path,
        expired,
    )
    .execute(connection)
    .await?;
    Ok(closed.rows_affected() > 0)
}

/// Tells screens that lists of questions changed.
pub(crate) fn announce(store: &Store, scope: &Scope) {
    store.events.publish(Event {
        workspace: scope.workspace(),
        topic: "approvals".into(),
        kind: "approvals.changed".into(),
        data: json!({}),
    });
}

macro_rules! approvals {
    ($condition:literal, $($argument:expr),*) => {
        sqlx::query_as!(
            Row,
            r#"select a.id, a.workspace_id, a.workflow_id, coalesce(workflow.name, '') as "workflow_name!", a.run_id,
                      coalesce(run.title, '') as "run_title!", a.node, a.item_path,
                      case when a.state = 'open' and a.expires_at <= now() then 'expired' else a.state end as "state!",
                      a.request, a.everybody, a.members, a.addresses, a.barred_member, a.barred_addresses,
                      a.verdict, a.created_at as "created_at: jiff_sqlx::Timestamp", a.expires_at as "expires_at: jiff_sqlx::Timestamp",
                      a.settled_at as "settled_at: jiff_sqlx::Timestamp",
                      array(select m.name from member m where m.id = any(a.members) and m.removed_at is null order by m.name) as "names!"
               from approval a left join workflow on workflow.id = a.workflow_id left join run on run.id = a.run_id
               where "# + $condition,
            $($argument),*
        )
    };
}

struct Row {
    id: Uuid,
    workspace_id: Uuid,
    workflow_id: Uuid,
    workflow_name: String,
    run_id: Uuid,
    run_title: String,
    node: String,
    item_path: String,
    state: String,
    request: Json,
    everybody: bool,
    members: Vec<Uuid>,
    addresses: Json,
    barred_member: Option<Uuid>,
    barred_addresses: Vec<String>,
    verdict: Option<Json>,
    created_at: jiff_sqlx::Timestamp,
    expires_at: jiff_sqlx::Timestamp,
    settled_at: Option<jiff_sqlx::Timestamp>,
    names: Vec<String>,
}

impl Row {
    fn approval(self) -> Result<Approval> {
        let outsiders: Vec<Outsider> = serde_json::from_value(self.addresses)?;
        let outside = outsiders
            .iter()
            .map(|outsider| outsider.mailbox.to_string());
        Ok(Approval {
            id: self.id.into(),
            workflow: self.workflow_id.into(),
            workflow_name: self.workflow_name,
            run: self.run_id.into(),
            run_title: self.run_title,
            node: self.node,
            item_path: self.item_path,
            state: self.state,
            request: serde_json::from_value(self.request)?,
            asked: self.names.into_iter().chain(outside).collect(),
            verdict: self.verdict.map(serde_json::from_value).transpose()?,
            created_at: self.created_at.to_jiff(),
            expires_at: self.expires_at.to_jiff(),
            settled_at: self.settled_at.map(jiff_sqlx::Timestamp::to_jiff),
            everybody: self.everybody,
            members: self.members,
            outsiders,
            barred_member: self.barred_member,
            barred_addresses: self.barred_addresses,
        })
    }
}

/// Newest first; those of trial runs are in no list.
pub async fn list(store: &Store, scope: &Scope, filter: Filter) -> Result<Vec<Approval>> {
    let rows = approvals!(
        "a.workspace_id = $1 and not coalesce(run.trial, false)
           and (not $2 or (a.state = 'open' and a.expires_at > now()))
           and ($3::uuid is null or a.answered_by = $3
                or ((a.everybody or $3 = any(a.members)) and a.barred_member is distinct from $3
                    and not exists (select from member m where m.id = $3 and lower(m.email) = any(a.barred_addresses))))
           and ($4::uuid is null or a.id < $4)
         order by a.id desc limit $5",
        scope.workspace().as_uuid(),
        filter.open,
        filter.of.map(MemberId::as_uuid),
        filter.after.map(ApprovalId::as_uuid),
        filter.limit.clamp(1, MOST + 1)
    )
    .fetch_all(&store.pool)
    .await?;
    rows.into_iter().map(Row::approval).collect()
}

/// Every question of a run, newest first.
pub async fn of_run(store: &Store, scope: &Scope, run: RunId) -> Result<Vec<Approval>> {
    let rows = approvals!(
        "a.workspace_id = $1 and a.run_id = $2 order by a.id desc limit $3",
        scope.workspace().as_uuid(),
        run.as_uuid(),
        MOST
    )
    .fetch_all(&store.pool)
    .await?;
    rows.into_iter().map(Row::approval).collect()
}

pub async fn get(store: &Store, scope: &Scope, id: ApprovalId) -> Result<Approval> {
    approvals!(
        "a.workspace_id = $1 and a.id = $2",
        scope.workspace().as_uuid(),
        id.as_uuid()
    )
    .fetch_optional(&store.pool)
    .await?
    .ok_or(StoreError::NotFound("approval"))?
    .approval()
}

/// The signed-in member as somebody who may be asked.
pub async fn person(store: &Store, scope: &Scope) -> Result<Person> {
    let member = scope.member().ok_or(StoreError::NotFound("member"))?;
    let row = sqlx::query!(
        "select name, email from member where workspace_id = $1 and id = $2 and removed_at is null",
        scope.workspace().as_uuid(),
        member.as_uuid(),
    )
    .fetch_optional(&store.pool)
    .await?
    .ok_or(StoreError::NotFound("member"))?;
    Ok(Person {
        member: Some(member),
        name: row.name,
        address: row.email,
    })
}

/// What a link leads to; `NotFound` when it was not made here, or was made for somebody who is not asked any more.
pub async fn open(store: &Store, token: &str) -> Result<Opened> {
    let lost = || StoreError::NotFound("page");
    let (id, person) = link::open_approval_token(&store.sealer, token)?;
    let row = approvals!("a.id = $1", id)
        .fetch_optional(&store.pool)
        .await?
        .ok_or_else(lost)?;
    let workspace = row.workspace_id.into();
    let approval = row.approval()?;
    let outsider = approval
        .outsiders
        .iter()
        .find(|outsider| outsider.id == person)
        .map(|outsider| outsider.mailbox.clone());
    let (scope, person) = if let Some(mailbox) = outsider {
        let person = Person {
            member: None,
            name: mailbox.name,
            address: mailbox.address,
        };
        (Scope::new(workspace, None), person)
    } else {
        let scope = Scope::new(workspace, Some(person.into()));
        let person = self::person(store, &scope).await.map_err(|_| lost())?;
        (scope, person)
    };
    if !approval.asks(&person) {
        return Err(lost());
    }
    Ok(Opened {
        scope,
        approval,
        person,
    })
}
