DROP TABLE paper.batches, paper.position, paper.trades, paper.orders, paper.positions, paper.balances, paper.accounts, paper.owners
-- ;;
DROP SCHEMA paper
