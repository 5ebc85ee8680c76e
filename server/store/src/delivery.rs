//! Outgoing messages: leased to senders, tried on a schedule, ended by an answer, by patience running out or by a person. What goes
//! over the wire, and when to try again, is the executor's business.

use engine::{
    ids::{DeliveryId, EndpointId, RunId},
    node::StepError,
    value::FileRef,
};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value as Json, json};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    Result, Scope, Store, StoreError,
    events::{Event, Wake},
    fresh_id,
    queue::{self, Holder},
    seal,
};

/// Mails that one statement writes at most.
const MAILS_AT_ONCE: usize = 500;

/// How a delivery travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Webhook,
    Mail,
}

impl Channel {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Mail => "mail",
        }
    }

    fn parse(text: &str) -> Result<Self> {
        match text {
            "webhook" => Ok(Self::Webhook),
            "mail" => Ok(Self::Mail),
            other => Err(StoreError::Damaged(format!("channel {other}"))),
        }
    }
}

/// A delivery in a list.
#[derive(Clone, Debug, Serialize)]
pub struct DeliveryItem {
    pub id: DeliveryId,
    pub run: Option<RunId>,
    pub run_title: Option<String>,
    pub node: Option<String>,
    /// `None`: by mail.
    pub endpoint: Option<EndpointId>,
    pub endpoint_name: String,
    pub channel: Channel,
    /// Of a mail, all of them.
    pub recipients: Vec<String>,
    pub message_type: String,
    pub state: String,
    pub attempts: i32,
    pub error: Option<Json>,
    /// HTTP or SMTP status of the last attempt.
    pub last_status: Option<i32>,
    #[serde(skip)]
    pub due_at: Timestamp,
    #[serde(skip)]
    pub created_at: Timestamp,
    #[serde(skip)]
    pub finished_at: Option<Timestamp>,
}

/// One delivery with what it says.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub item: DeliveryItem,
    pub url: String,
    /// `{type, timestamp, data}` without the links to files.
    pub message: Json,
    pub artifacts: Vec<FileRef>,
    /// `link` or `inline`.
    pub attach: String,
}

/// One try.
#[derive(Clone, Debug, Serialize)]
pub struct Attempt {
    pub attempt: i32,
    #[serde(skip)]
    pub started_at: Timestamp,
    pub took_ms: i64,
    pub status: Option<i32>,
    pub answer_head: Option<String>,
    pub error: Option<Json>,
}

/// Which deliveries a list shows.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub state: Option<String>,
    pub endpoint: Option<EndpointId>,
    pub channel: Option<Channel>,
    pub run: Option<RunId>,
    /// Older than this one.
    pub after: Option<DeliveryId>,
    pub limit: i64,
}

/// What a sender works on; every write through it is conditional on its fence.
#[derive(Clone, Debug)]
pub struct Claimed {
    pub id: DeliveryId,
    pub scope: Scope,
    pub run: Option<RunId>,
    pub node: Option<String>,
    pub item_path: Option<String>,
    pub to: To,
    /// A person or a 410 turned the endpoint off, or there is no mail server any more.
    pub disabled: bool,
    pub message: Json,
    pub artifacts: Vec<FileRef>,
    pub inline: bool,
    /// Tries before this one, since the schedule began.
    pub tries: i32,
    /// The number of this try, over all.
    pub attempt: i32,
    pub awaited: bool,
    pub fence: i64,
}

/// Where a claimed delivery goes.
#[derive(Clone, Debug)]
pub enum To {
    Endpoint {
        id: EndpointId,
        url: String,
    },
    /// The workspace's mail server.
    Mail,
}

/// How one try went.
#[derive(Clone, Debug)]
pub struct Report {
    pub took_ms: i64,
    pub status: Option<i32>,
    pub answer_head: Option<String>,
    pub error: Option<StepError>,
    pub next: Next,
}

/// What follows a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Delivered,
    RetryIn {
        ms: i64,
    },
    GivenUp,
    /// The receiver is gone for good: its endpoint is turned off as well.
    Gone,
}

/// Newest first.
pub async fn list(store: &Store, scope: &Scope, filter: &Filter) -> Result<Vec<DeliveryItem>> {
    let rows = sqlx::query!(
        r#"select d.id as "id!", d.run_id as "run_id?", run.title as "run_title?", d.node as "node?", d.endpoint_id as "endpoint_id?",
                  coalesce(endpoint.name, '') as "endpoint_name!", d.channel as "channel!",
                  coalesce(d.message ->> 'type', '') as "message_type!", d.message #> '{data,values}' as "values?", d.state as "state!", d.attempts as "attempts!",
                  d.error as "error?",
                  (select status from delivery_attempt a where a.delivery_id = d.id order by attempt desc limit 1) as last_status,
                  d.due_at as "due_at!: jiff_sqlx::Timestamp", d.created_at as "created_at!: jiff_sqlx::Timestamp",
                  d.finished_at as "finished_at?: jiff_sqlx::Timestamp"
           from delivery d left join endpoint on endpoint.id = d.endpoint_id left join run on run.id = d.run_id
           where d.workspace_id = $1
             and case when $2::text is null then d.state <> 'held' else d.state = $2 end
             and ($3::uuid is null or d.endpoint_id = $3)
             and ($4::uuid is null or d.run_id = $4)
             and ($5::uuid is null or d.id < $5)
             and ($7::text is null or d.channel = $7)
           order by d.id desc limit $6"#,
        scope.workspace().as_uuid(),
        filter.state,
        filter.endpoint.map(EndpointId::as_uuid),
        filter.run.map(RunId::as_uuid),
        filter.after.map(DeliveryId::as_uuid),
        filter.limit.clamp(1, 200),
        filter.channel.map(Channel::as_str),
    )
    .fetch_all(&store.pool)
    .await?;
    rows.into_iter()
        .map(|row| {
            let channel = Channel::parse(&row.channel)?;
            Ok(DeliveryItem {
                id: row.id.into(),
                run: row.run_id.map(Into::into),
                run_title: row.run_title,
                node: row.node,
                endpoint: row.endpoint_id.map(Into::into),
                endpoint_name: row.endpoint_name,
                channel,
                recipients: recipients(channel, row.values.as_ref()),
                message_type: row.message_type,
                state: row.state,
                attempts: row.attempts,
                error: row.error,
                last_status: row.last_status,
                due_at: row.due_at.to_jiff(),
                created_at: row.created_at.to_jiff(),
                finished_at: row.finished_at.map(jiff_sqlx::Timestamp::to_jiff),
            })
        })
        .collect()
}

/// Everybody a mail goes to, copies included.
fn recipients(channel: Channel, values: Option<&Json>) -> Vec<String> {
    match channel {
        Channel::Webhook => Vec::new(),
        Channel::Mail => ["to", "cc", "bcc"]
            .iter()
            .filter_map(|field| values?.get(field)?.as_array())
            .flatten()
            .filter_map(|person| person.get("address")?.as_str())
            .map(str::to_owned)
            .collect(),
    }
}

/// Every delivery of a run, oldest first.
pub async fn of_run(store: &Store, scope: &Scope, run: RunId) -> Result<Vec<DeliveryItem>> {
    let filter = Filter {
        run: Some(run),
        limit: 200,
        ..Filter::default()
    };
    let mut items = list(store, scope, &filter).await?;
    items.reverse();
    Ok(items)
}

pub async fn get(store: &Store, scope: &Scope, id: DeliveryId) -> Result<Delivery> {
    let row = sqlx::query!(
        r#"select d.id as "id!", d.run_id as "run_id?", run.title as "run_title?", d.node as "node?", d.endpoint_id as "endpoint_id?",
                  coalesce(endpoint.name, '') as "endpoint_name!", d.channel as "channel!",
                  coalesce(endpoint.url, '') as "url!", d.state as "state!", d.attempts as "attempts!", d.error as "error?",
                  d.message as "message!", d.artifacts as "artifacts!", d.attach as "attach!",
                  (select status from delivery_attempt a where a.delivery_id = d.id order by attempt desc limit 1) as last_status,
                  d.due_at as "due_at!: jiff_sqlx::Timestamp", d.created_at as "created_at!: jiff_sqlx::Timestamp",
                  d.finished_at as "finished_at?: jiff_sqlx::Timestamp"
           from delivery d left join endpoint on endpoint.id = d.endpoint_id left join run on run.id = d.run_id
           where d.id = $1 and d.workspace_id = $2"#,
        id.as_uuid(),
        scope.workspace().as_uuid(),
    )
    .fetch_optional(&store.pool)
    .await?
    .ok_or(StoreError::NotFound("delivery"))?;
    let channel = Channel::parse(&row.channel)?;
    Ok(Delivery {
        item: DeliveryItem {
            id: row.id.into(),
            run: row.run_id.map(Into::into),
            run_title: row.run_title,
            node: row.node,
            endpoint: row.endpoint_id.map(Into::into),
            endpoint_name: row.endpoint_name,
            channel,
            recipients: recipients(channel, row.message.pointer("/data/values")),
            message_type: row
                .message
                .get("type")
                .and_then(Json::as_str)
                .unwrap_or_default()
                .to_owned(),
            state: row.state,
            attempts: row.attempts,
            error: row.error,
            last_status: row.last_status,
            due_at: row.due_at.to_jiff(),
            created_at: row.created_at.to_jiff(),
            finished_at: row.finished_at.map(jiff_sqlx::Timestamp::to_jiff),
        },
        url: row.url,
        message: row.message,
        artifacts: serde_json::from_value(row.artifacts)?,
        attach: row.attach,
    })
}

/// Every try, oldest first.
pub async fn attempts(store: &Store, scope: &Scope, id: DeliveryId) -> Result<Vec<Attempt>> {
    let rows = sqlx::query!(
        r#"select attempt, started_at as "started_at: jiff_sqlx::Timestamp", took_ms, status, answer_head, error
           from delivery_attempt where delivery_id = $1 and workspace_id = $2 order by attempt"#,
        id.as_uuid(),
        scope.workspace().as_uuid(),
    )
    .fetch_all(&store.pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Attempt {
            attempt: row.attempt,
            started_at: row.started_at.to_jiff(),
            took_ms: row.took_ms,
            status: row.status,
            answer_head: row.answer_head,
            error: row.error,
        })
        .collect())
}

/// Sends it now and starts the schedule anew, under the same id, so that the receiver can tell a repetition.
pub async fn send_again(store: &Store, scope: &Scope, id: DeliveryId) -> Result<()> {
    let done = sqlx::query!(
        "update delivery set state = 'due', due_at = now(), tries = 0, error = null, finished_at = null
         where id = $1 and workspace_id = $2 and state <> 'sending' and masked_at is null",
        id.as_uuid(),
        scope.workspace().as_uuid(),
    )
    .execute(&store.pool)
    .await?;
    if done.rows_affected() == 0 {
        get(store, scope, id).await?;
        if is_masked(store, id).await? {
            return Err(StoreError::conflict(
                "delivery_masked",
                "Private values of this message are not kept any more, so it cannot be sent again. Start a new run.",
            ));
        }
        return Err(StoreError::conflict(
            "delivery_sending",
            "This message is being sent right now. Wait a moment.",
        ));
    }
    changed(store, scope, id, None, "due");
    store.events.wake(Wake::Deliveries);
    Ok(())
}

async fn is_masked(store: &Store, id: DeliveryId) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"select masked_at is not null as "masked!" from delivery where id = $1"#,
        id.as_uuid()
    )
    .fetch_one(&store.pool)
    .await?)
}

/// Stops trying. A try that is under way may still arrive; nothing follows it.
pub async fn stop(store: &Store, scope: &Scope, id: DeliveryId) -> Result<()> {
    let delivery = get(store, scope, id).await?;
    let mut transaction = store.pool.begin().await?;
    lock_run(&mut transaction, delivery.item.run).await?;
    let done = sqlx::query!(
        "update delivery set state = 'stopped', finished_at = now(), lease_owner = null, lease_until = null, fence = fence + 1
         where id = $1 and workspace_id = $2 and state in ('due', 'sending', 'retrying', 'held') returning awaited, item_path",
        id.as_uuid(),
        scope.workspace().as_uuid(),
    )
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(done) = done else {
        return Err(StoreError::conflict(
            "delivery_over",
            "There is nothing to stop: this message is not being tried any more.",
        ));
    };
    let resumed = done.awaited
        && resume(
            &mut transaction,
            delivery.item.run,
            delivery.item.node.as_deref(),
            done.item_path.as_deref(),
        )
        .await?;
    transaction.commit().await?;
    changed(store, scope, id, delivery.item.run, "stopped");
    if resumed {
        queue::wake(store);
    }
    Ok(())
}

/// Writes a test message to an endpoint, outside of any run.
pub async fn test(
    store: &Store,
    scope: &Scope,
    endpoint: EndpointId,
    now: Timestamp,
) -> Result<DeliveryId> {
    let id: DeliveryId = fresh_id();
    let done = sqlx::query!(
        "insert into delivery (id, workspace_id, endpoint_id, message)
         select $1, workspace_id, id, $4 from endpoint where id = $2 and workspace_id = $3 and deleted_at is null",
        id.as_uuid(),
        endpoint.as_uuid(),
        scope.workspace().as_uuid(),
        json!({ "type": "endpoint.test", "timestamp": now, "data": { "message": "This is a test from Formwork." } }),
    )
    .execute(&store.pool)
    .await?;
    if done.rows_affected() == 0 {
        return Err(StoreError::NotFound("endpoint"));
    }
    store.events.wake(Wake::Deliveries);
    Ok(id)
}

/// Leases up to `limit` due deliveries, those of lost senders included; picked apart from the join as in `queue::claim`. A holder has at
/// most `share` of one receiver under way, which is an endpoint or a workspace's mail server, and receivers that have the fewest come
/// first: one that does not answer holds up its own messages and not those of others. One that cannot be read is given up. The candidates, a
/// few more than are wanted, since other senders look at this moment, too, are found again by their ids and not among all that is due.
pub async fn claim(store: &Store, holder: Holder, limit: i64, share: i64) -> Result<Vec<Claimed>> {
    let rows = sqlx::query!(
        r#"with receiver as materialized (select id from endpoint union all select id from workspace),
           candidate as materialized (
               select waiting.id, waiting.due_at, busy.count + waiting.rank as place
               from receiver
               cross join lateral (
                   select count(*) from delivery
                   where state = 'sending' and lease_owner = $1 and lease_until >= now()
                     and coalesce(endpoint_id, workspace_id) = receiver.id) busy
               cross join lateral (
                   select id, due_at, row_number() over (order by due_at) as rank from (
                       (select id, due_at from delivery
                        where coalesce(endpoint_id, workspace_id) = receiver.id and state in ('due', 'retrying') and due_at <= now()
                        order by due_at limit $4)
                       union all
                       (select id, due_at from delivery
                        where coalesce(endpoint_id, workspace_id) = receiver.id and state = 'sending' and lease_until < now())) ready
                   ) waiting
               where busy.count + waiting.rank <= $4
               order by place, waiting.due_at limit 4 * $2::bigint),
           due as materialized (
               select delivery.id, delivery.endpoint_id, delivery.workspace_id from delivery join candidate using (id)
               where delivery.id = any (array(select id from candidate))
                 and ((state in ('due', 'retrying') and delivery.due_at <= now()) or (state = 'sending' and lease_until < now()))
               order by place, candidate.due_at limit $2 for update of delivery skip locked)
           update delivery d
           set state = 'sending', lease_owner = $1, lease_until = now() + $3::bigint * interval '1 millisecond', fence = d.fence + 1,
               attempts = d.attempts + 1, tries = d.tries + 1
           from due left join endpoint on endpoint.id = due.endpoint_id
                    left join mail_server on mail_server.workspace_id = due.workspace_id and mail_server.removed_at is null
           where d.id = due.id
           returning d.id, d.workspace_id, d.run_id, d.node, d.item_path, d.endpoint_id, coalesce(endpoint.url, '') as "url!",
                     case when d.endpoint_id is null then mail_server.workspace_id is null
                          else endpoint.disabled_at is not null or endpoint.deleted_at is not null end as "disabled!",
                     d.message::text as "message!", d.artifacts::text as "artifacts!", d.attach, d.tries, d.attempts, d.awaited, d.fence"#,
        holder.worker.as_uuid(),
        limit,
        holder.lease_ms,
        share,
    )
    .fetch_all(&store.hot)
    .await?;
    let mut all = Vec::new();
    for row in rows {
        // As texts, or the statement as a whole would fail after it had leased them all.
        let message = serde_json::from_str(&row.message);
        let artifacts = serde_json::from_str(&row.artifacts);
        let broken = message.as_ref().err().or(artifacts.as_ref().err());
        let unreadable = broken.map(ToString::to_string);
        let claimed = Claimed {
            id: row.id.into(),
            scope: Scope::new(row.workspace_id.into(), None),
            run: row.run_id.map(Into::into),
            node: row.node,
            item_path: row.item_path,
            to: match row.endpoint_id {
                Some(id) => To::Endpoint {
                    id: id.into(),
                    url: row.url,
                },
                None => To::Mail,
            },
            disabled: row.disabled,
            message: message.unwrap_or_default(),
            artifacts: artifacts.unwrap_or_default(),
            inline: row.attach == "inline",
            tries: row.tries - 1,
            attempt: row.attempts,
            awaited: row.awaited,
            fence: row.fence,
        };
        // It would take its neighbours with it again and again.
        match unreadable {
            Some(reason) => {
                if let Err(error) = give_up(store, &claimed, &reason).await {
                    tracing::warn!(delivery.id = %claimed.id, %error, "a message that cannot be read could not be given up; its lease runs out by itself");
                }
            }
            None => all.push(claimed),
        }
    }
    Ok(all)
}

async fn give_up(store: &Store, claimed: &Claimed, reason: &str) -> Result<()> {
    let report = Report {
        took_ms: 0,
        status: None,
        answer_head: None,
        error: Some(
            StepError::new(
                "message_unreadable",
                format!("What is stored of this message cannot be read: {reason}."),
            )
            .with("reason", reason),
        ),
        next: Next::GivenUp,
    };
    finish(store, claimed, &report).await.map(drop)
}

/// Extends the lease of a try that is still under way; nothing happens when another sender has the delivery or a person stopped it.
pub async fn renew(store: &Store, claimed: &Claimed, holder: Holder) -> Result<()> {
    sqlx::query!(
        "update delivery set lease_until = now() + $3::bigint * interval '1 millisecond'
         where id = $1 and fence = $2 and state = 'sending'",
        claimed.id.as_uuid(),
        claimed.fence,
        holder.lease_ms,
    )
    .execute(&store.pool)
    .await?;
    Ok(())
}

/// Stores how a try went. `false`: another sender has it, or a person stopped it; the try itself is kept all the same.
pub async fn finish(store: &Store, claimed: &Claimed, report: &Report) -> Result<bool> {
    let (state, due_ms) = match report.next {
        Next::Delivered => ("delivered", 0),
        Next::RetryIn { ms } => ("retrying", ms),
        Next::GivenUp | Next::Gone => ("given_up", 0),
    };
    let error = report
        .error
        .as_ref()
        .map(serde_json::to_value)
        .transpose()?;
    let mut transaction = store.pool.begin().await?;
    if claimed.awaited {
        lock_run(&mut transaction, claimed.run).await?;
    }
    sqlx::query!(
        "insert into delivery_attempt (delivery_id, attempt, workspace_id, started_at, took_ms, status, answer_head, error)
         values ($1, $2, $3, now() - $4::bigint * interval '1 millisecond', $4, $5, $6, $7) on conflict do nothing",
        claimed.id.as_uuid(),
        claimed.attempt,
        claimed.scope.workspace().as_uuid(),
        report.took_ms,
        report.status,
        report.answer_head.as_deref().map(|head| head.replace('\0', "\u{fffd}")),
        error,
    )
    .execute(&mut *transaction)
    .await?;
    let done = sqlx::query!(
        "update delivery set state = $3, due_at = now() + $4::bigint * interval '1 millisecond', error = $5, lease_owner = null,
                lease_until = null, finished_at = case when $3 in ('delivered', 'given_up') then now() end
         where id = $1 and fence = $2 and state = 'sending'",
        claimed.id.as_uuid(),
        claimed.fence,
        state,
        due_ms,
        error,
    )
    .execute(&mut *transaction)
    .await?;
    let mine = done.rows_affected() > 0;
    if let (Next::Gone, To::Endpoint { id, .. }) = (report.next, &claimed.to) {
        sqlx::query!(
            "update endpoint set disabled_at = now(), disabled_reason = 'gone' where id = $1 and disabled_at is null",
            id.as_uuid(),
        )
        .execute(&mut *transaction)
        .await?;
    }
    let over = !matches!(report.next, Next::RetryIn { .. });
    let resumed = mine
        && over
        && claimed.awaited
        && resume(
            &mut transaction,
            claimed.run,
            claimed.node.as_deref(),
            claimed.item_path.as_deref(),
        )
        .await?;
    transaction.commit().await?;
    if resumed {
        queue::wake(store);
    }
    if mine {
        changed(store, &claimed.scope, claimed.id, claimed.run, state);
    } else {
        tracing::warn!(delivery.id = %claimed.id, "the result of a delivery was dropped: it was stopped or taken over");
    }
    Ok(mine)
}

/// What a step that waited for its receipt is resumed with; `None` while it is still tried.
pub async fn outcome(
    store: &Store,
    scope: &Scope,
    run: RunId,
    node: &str,
    item_path: &str,
) -> Result<Option<std::result::Result<Json, StepError>>> {
    let row = sqlx::query!(
        r#"select id, state, attempts, error, finished_at as "finished_at: jiff_sqlx::Timestamp",
                  (select status from delivery_attempt a where a.delivery_id = delivery.id order by attempt desc limit 1) as status
           from delivery where run_id = $1 and workspace_id = $2 and node = $3 and item_path = $4 and awaited
           order by id desc limit 1"#,
        run.as_uuid(),
        scope.workspace().as_uuid(),
        node,
        item_path,
    )
    .fetch_optional(&store.pool)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    Ok(match row.state.as_str() {
        "delivered" => Some(Ok(json!({
            "delivery": row.id, "attempts": row.attempts, "status": row.status, "delivered_at": row.finished_at.map(jiff_sqlx::Timestamp::to_jiff),
        }))),
        "given_up" => Some(Err(match row.error {
            Some(error) => serde_json::from_value(error)?,
            None => StepError::new(
                "delivery_given_up",
                "The receiver did not take the message.",
            ),
        })),
        "stopped" => Some(Err(StepError::new(
            "delivery_stopped",
            "A person stopped the delivery before it arrived.",
        ))),
        _ => None,
    })
}

/// The endpoint's signing secrets, as `whsec_` texts: the current one, and the one before while receivers change over.
pub async fn signing_secrets(
    store: &Store,
    scope: &Scope,
    endpoint: EndpointId,
) -> Result<Vec<String>> {
    let row = sqlx::query!(
        "select sealed_secret, secret_version, case when old_secret_until > now() then sealed_old_secret end as sealed_old_secret
         from endpoint where id = $1 and workspace_id = $2",
        endpoint.as_uuid(),
        scope.workspace().as_uuid(),
    )
    .fetch_optional(&store.pool)
    .await?
    .ok_or(StoreError::NotFound("endpoint"))?;
    let mut connection = store.pool.acquire().await?;
    let key = seal::data_key(&mut connection, &store.sealer, scope.workspace()).await?;
    let open = |sealed: &[u8], version: i32| {
        let owner = seal::Owner {
            workspace: scope.workspace(),
            id: endpoint.as_uuid(),
            version,
        };
        let plain = key.open(&owner, sealed)?;
        String::from_utf8(plain)
            .map_err(|_| StoreError::Damaged("an endpoint's secret is not text".into()))
    };
    let mut secrets = vec![open(&row.sealed_secret, row.secret_version)?];
    if let Some(old) = row.sealed_old_secret {
        secrets.push(open(&old, row.secret_version - 1)?);
    }
    Ok(secrets)
}

/// A mail that the program itself writes, outside of any run. `values` holds whom it goes to; its words are made when it is sent.
/// `None`: no mail server is set up.
pub async fn write_mail(
    store: &Store,
    scope: &Scope,
    message_type: &str,
    values: Json,
    now: Timestamp,
) -> Result<Option<DeliveryId>> {
    let mut connection = store.pool.acquire().await?;
    let written = insert_mails(&mut connection, scope, message_type, &[values], now).await?;
    if !written.is_empty() {
        store.events.wake(Wake::Deliveries);
    }
    Ok(written.first().copied())
}

/// The same within a commit, whose caller wakes senders afterwards: a mail with each of the `values`. Empty: no mail server is set up.
pub(crate) async fn insert_mails(
    connection: &mut PgConnection,
    scope: &Scope,
    message_type: &str,
    values: &[Json],
    now: Timestamp,
) -> Result<Vec<DeliveryId>> {
    let mut written = Vec::with_capacity(values.len());
    for values in values.chunks(MAILS_AT_ONCE) {
        let ids: Vec<Uuid> = values.iter().map(|_| fresh_id()).collect();
        let messages: Vec<Json> = values
            .iter()
            .map(|values| json!({ "type": message_type, "timestamp": now, "data": { "values": values } }))
            .collect();
        let rows = sqlx::query_scalar!(
            "insert into delivery (id, workspace_id, channel, message)
             select mail.id, server.workspace_id, 'mail', mail.message
             from mail_server server cross join unnest($2::uuid[], $3::jsonb[]) mail (id, message)
             where server.workspace_id = $1 and server.removed_at is null
             returning id",
            scope.workspace().as_uuid(),
            &ids,
            &messages,
        )
        .fetch_all(&mut *connection)
        .await?;
        written.extend(rows.into_iter().map(DeliveryId::from));
    }
    Ok(written)
}

async fn lock_run(connection: &mut PgConnection, run: Option<RunId>) -> Result<()> {
    if let Some(run) = run {
        sqlx::query!("select id from run where id = $1 for update", run.as_uuid())
            .fetch_optional(connection)
            .await?;
    }
    Ok(())
}

async fn resume(
    connection: &mut PgConnection,
    run: Option<RunId>,
    node: Option<&str>,
    item_path: Option<&str>,
) -> Result<bool> {
    match (run, node, item_path) {
        (Some(run), Some(node), Some(item_path)) => {
            queue::ready_waiting(connection, run, node, item_path).await
        }
        _ => Ok(false),
    }
}

fn changed(store: &Store, scope: &Scope, id: DeliveryId, run: Option<RunId>, state: &str) {
    let data = json!({ "delivery": id, "run": run, "state": state });
    let topics = [
        Some("deliveries".to_owned()),
        run.map(|run| format!("run:{run}")),
    ];
    for topic in topics.into_iter().flatten() {
        store.events.publish(Event {
            workspace: scope.workspace(),
            topic,
            kind: "delivery.changed".into(),
            data: data.clone(),
        });
    }
}
