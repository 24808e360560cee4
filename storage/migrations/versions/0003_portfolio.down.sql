DROP VIEW user_positions, user_balances
-- ;;
DROP TABLE equity_points, portfolio_snapshots, balances, positions, transfers, lots, ledger_lines, ledger_entries
-- ;;
DROP FUNCTION ledger_lines_must_balance(), ledger_lines_do_not_change()
