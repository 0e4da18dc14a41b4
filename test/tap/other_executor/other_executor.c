/*
 * What other modules do to the executor, as far as it concerns guards of rows: a scan of their own, with the conditions that the planner
 * hands to it; and hooks that call the server's functions instead of the hooks before them (so does Citus).
 */
#include "postgres.h"

#include "access/tableam.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "nodes/extensible.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"
#include "utils/guc.h"
#include "utils/rel.h"

PG_MODULE_MAGIC;

void _PG_init(void);

static bool scans = false;
static bool starts = false;
static bool runs = false;
static bool finishes = false;
static set_rel_pathlist_hook_type next_pathlist = NULL;
static ExecutorStart_hook_type next_start = NULL;
static ExecutorRun_hook_type next_run = NULL;
static ExecutorFinish_hook_type next_finish = NULL;

typedef struct OtherScan
{
  CustomScanState custom;
  TupleTableSlot *row;			/* of the table's own kind */
} OtherScan;

static TupleTableSlot *
next_row(ScanState *node)
{
  OtherScan *scan = (OtherScan *) node;

  if (node->ss_currentScanDesc == NULL)
    node->ss_currentScanDesc = table_beginscan(node->ss_currentRelation, node->ps.state->es_snapshot, 0, NULL);
  if (!table_scan_getnextslot(node->ss_currentScanDesc, node->ps.state->es_direction, scan->row))
    return NULL;
  ExecCopySlot(node->ss_ScanTupleSlot, scan->row);
  node->ss_ScanTupleSlot->tts_tid = scan->row->tts_tid;
  node->ss_ScanTupleSlot->tts_tableOid = scan->row->tts_tableOid;
  return node->ss_ScanTupleSlot;
}

static bool
recheck(ScanState *node, TupleTableSlot *slot)
{
  return true;
}

static void
begin_scan(CustomScanState *node, EState *estate, int eflags)
{
  ((OtherScan *) node)->row = table_slot_create(node->ss.ss_currentRelation, &estate->es_tupleTable);
}

static TupleTableSlot *
exec_scan(CustomScanState *node)
{
  return ExecScan(&node->ss, next_row, recheck);
}

static void
end_scan(CustomScanState *node)
{
  if (node->ss.ss_currentScanDesc != NULL)
    table_endscan(node->ss.ss_currentScanDesc);
}

static void
rescan(CustomScanState *node)
{
  if (node->ss.ss_currentScanDesc != NULL)
    table_rescan(node->ss.ss_currentScanDesc, NULL);
  ExecScanReScan(&node->ss);
}

static const CustomExecMethods exec_methods = {
  .CustomName = "OtherScan",
  .BeginCustomScan = begin_scan,
  .ExecCustomScan = exec_scan,
  .EndCustomScan = end_scan,
  .ReScanCustomScan = rescan,
};

static Node *
create_state(CustomScan *scan)
{
  CustomScanState *state = (CustomScanState *) newNode(sizeof(OtherScan), T_CustomScanState);

  state->methods = &exec_methods;
  return (Node *) state;
}

static const CustomScanMethods scan_methods = {.CustomName = "OtherScan", .CreateCustomScanState = create_state};

static Plan *
plan_path(PlannerInfo *root, RelOptInfo *rel, CustomPath *path, List *tlist, List *clauses, List *custom_plans)
{
  CustomScan *scan = makeNode(CustomScan);

  scan->scan.plan.targetlist = tlist;
  scan->scan.plan.qual = extract_actual_clauses(clauses, false);
  scan->scan.scanrelid = rel->relid;
  scan->flags = path->flags;
  scan->methods = &scan_methods;
  return &scan->scan.plan;
}

static const CustomPathMethods path_methods = {.CustomName = "OtherScan", .PlanCustomPath = plan_path};

static void
add_scan(PlannerInfo *root, RelOptInfo *rel, Index rti, RangeTblEntry *rte)
{
  if (next_pathlist != NULL)
    next_pathlist(root, rel, rti, rte);
  if (scans && rte->rtekind == RTE_RELATION && rte->relkind == RELKIND_RELATION && rel->reloptkind == RELOPT_BASEREL)
  {
    CustomPath *path = makeNode(CustomPath);

    path->path.pathtype = T_CustomScan;
    path->path.parent = rel;
    path->path.pathtarget = rel->reltarget;
    path->path.rows = rel->rows;
    path->flags = CUSTOMPATH_SUPPORT_PROJECTION;
    path->methods = &path_methods;
    rel->pathlist = NIL;
    rel->partial_pathlist = NIL;
    add_path(rel, &path->path);
  }
}

static void
start(QueryDesc *query, int eflags)
{
  if (next_start != NULL && !starts)
    next_start(query, eflags);
  else
    standard_ExecutorStart(query, eflags);
}

#if PG_VERSION_NUM >= 180000
static void
run(QueryDesc *query, ScanDirection direction, uint64 count)
{
  if (next_run != NULL && !runs)
    next_run(query, direction, count);
  else
    standard_ExecutorRun(query, direction, count);
}
#else
static void
run(QueryDesc *query, ScanDirection direction, uint64 count, bool execute_once)
{
  if (next_run != NULL && !runs)
    next_run(query, direction, count, execute_once);
  else
    standard_ExecutorRun(query, direction, count, execute_once);
}
#endif

static void
finish(QueryDesc *query)
{
  if (next_finish != NULL && !finishes)
    next_finish(query);
  else
    standard_ExecutorFinish(query);
}

void
_PG_init(void)
{
  DefineCustomBoolVariable("other.scans", "Scans tables by a scan of its own.", NULL, &scans, false, PGC_USERSET, 0, NULL, NULL, NULL);
  DefineCustomBoolVariable("other.starts", "Starts queries itself.", NULL, &starts, false, PGC_USERSET, 0, NULL, NULL, NULL);
  DefineCustomBoolVariable("other.runs", "Runs queries itself.", NULL, &runs, false, PGC_USERSET, 0, NULL, NULL, NULL);
  DefineCustomBoolVariable("other.finishes", "Finishes queries itself.", NULL, &finishes, false, PGC_USERSET, 0, NULL, NULL, NULL);
  next_pathlist = set_rel_pathlist_hook;
  set_rel_pathlist_hook = add_scan;
  next_start = ExecutorStart_hook;
  ExecutorStart_hook = start;
  next_run = ExecutorRun_hook;
  ExecutorRun_hook = run;
  next_finish = ExecutorFinish_hook;
  ExecutorFinish_hook = finish;
}
